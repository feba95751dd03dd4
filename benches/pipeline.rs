//! What the pipeline costs beside its own limits, in one run; by the clock, and by the time of the processors, which
//! other work on the machine changes less.
//!
//! 1. A model that does nothing, against reading the same mosaic: everything but the model.
//! 2. Clean-up of a block where it has least and most to do.
//! 3. The model that ships, end to end, against its network and softmax alone on the same number of chips: one at a time on
//!    all cores, and in the two lanes that the pipeline runs.
//!
//! `cargo bench --bench pipeline`

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use orthotile::demo::{DemoOptions, generate};
use orthotile::georef::{Crs, GeoTransform, PixelFrame, Window};
use orthotile::label::{CleanOptions, LabelStore, ScoreMap, clean};
use orthotile::model::{Device, Lane, ModelCard, Segmenter, Semantic};
use orthotile::raster::{
    self, Channel, Compression, Mosaic, RasterSource, SceneOptions, SceneSamples, WrittenValidity,
};
use orthotile::scheme::{ClassId, Scheme};
use orthotile::seed::{MakeEvent, Maker, SegmentOptions, plan};

/// The side of the mosaic of the first bench: 67 Mpx.
const SIDE_PX: u32 = 8192;

fn main() {
    raster::init();
    let folder = tempfile::tempdir().expect("a folder");
    everything_but_the_model(folder.path());
    clean_up();
    beside_the_bare_network(folder.path());
}

fn everything_but_the_model(folder: &Path) {
    let scene = folder.join("large.tif");
    write(&scene);
    let mosaic = Mosaic::open(std::slice::from_ref(&scene)).expect("a mosaic");
    let mpx = f64::from(SIDE_PX).powi(2) / 1e6;
    let reading = Took::by(|| read(&mosaic)).wall_s;
    let (making, chips) = segment(&[scene], &folder.join("identity"), Path::new("fixtures/models/identity.onnx"));
    println!("reading alone          {:>8.1} Mpx/s", mpx / reading);
    println!(
        "identity, end to end   {:>8.1} Mpx/s, {chips} chips, {:.2} of reading, {:.0} CPU-ms/Mpx, peak memory {} MiB",
        mpx / making.wall_s,
        reading / making.wall_s,
        making.cpu_s / mpx * 1e3,
        peak_mib()
    );
}

/// One block of 1024 px with its halo, of patches of some pixels and at random.
fn clean_up() {
    let (options, pixel_area_m2) = (CleanOptions::default(), 0.0625);
    let block = Window::new(0, 0, 1024, 1024);
    let window = block.expanded(options.halo_px(pixel_area_m2));
    for patch_px in [64, 8, 1] {
        let side = window.cols as usize;
        let plane = |at: usize| hash((at % side / patch_px) as u64 * 65_536 + (at / side / patch_px) as u64) % 8;
        let planes: Vec<u64> = (0..window.pixels()).map(plane).collect();
        let scores = ScoreMap {
            window,
            classes: (1..=8).map(ClassId).collect(),
            scores: (0..8).flat_map(|class| planes.iter().map(move |p| if *p == class { 200 } else { 8 })).collect(),
            valid: vec![1; window.pixels()],
        };
        let clean = || drop(std::hint::black_box(clean(&scores, &block, &options, pixel_area_m2)));
        let runs = 5;
        let ms = Took::by(|| (0..runs).for_each(|_| clean())).cpu_s * 1e3 / f64::from(runs);
        println!("clean-up of a block    {ms:>8.0} CPU-ms, patches of {patch_px} px");
    }
}

fn hash(n: u64) -> u64 {
    (n ^ (n >> 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

fn beside_the_bare_network(folder: &Path) {
    let options = DemoOptions { width_m: 600.0, height_m: 500.0, ..DemoOptions::default() };
    let town = generate(&options, &folder.join("town")).expect("a town");
    let (making, chips) = segment(&town.scenes, &folder.join("city"), Path::new("models/city"));
    let card = ModelCard::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/city")).expect("the shipped model");
    let (lane, copy) = Lane::beside(Device::Cpu, 0).expect("make setup has been run");
    let bare = [
        ("one at a time", run_bare(&card, &[Lane::from(Device::Cpu)], chips)),
        ("in lanes", run_bare(&card, &[lane].into_iter().chain(copy).collect::<Vec<_>>(), chips)),
    ];
    println!("city, end to end       {:>8.2} chips/s", chips as f64 / making.wall_s);
    for (how, bare) in bare {
        println!(
            "its network and softmax {how:<13} {:>8.2} chips/s; end to end is {:.2} of it, {:.2} by CPU time",
            chips as f64 / bare.wall_s,
            bare.wall_s / making.wall_s,
            bare.cpu_s / making.cpu_s
        );
    }
}

/// An uncompressible picture with roofs, in UTM, 0.25 m.
fn write(path: &Path) {
    let transform = GeoTransform::new([500_000.0, 0.25, 0.0, 5_500_000.0, 0.0, -0.25]).expect("regular");
    let frame = PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform };
    let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 26) as u8;
    let pixel = |i: u32| if (i / SIDE_PX / 40 + i % SIDE_PX / 60).is_multiple_of(3) { 180 } else { 60 } + noise(i);
    let band: Vec<u8> = (0..SIDE_PX * SIDE_PX).map(pixel).collect();
    let samples = SceneSamples { cols: SIDE_PX, rows: SIDE_PX, bands: &[&band, &band, &band], valid: None };
    let options =
        SceneOptions { compression: Compression::JpegYcbcr, validity: WrittenValidity::Undeclared, overviews: false };
    raster::write_scene(path, &frame, &samples, &options).expect("room on the disk");
}

fn read(mosaic: &Mosaic) {
    let mut reader = mosaic.reader(mosaic.frame(), &Channel::RGB).expect("opened");
    for (row, col) in (0..i64::from(SIDE_PX / 1024)).flat_map(|r| (0..i64::from(SIDE_PX / 1024)).map(move |c| (r, c))) {
        let window = Window::new(col * 1024, row * 1024, 1024, 1024);
        std::hint::black_box(reader.read(&window).expect("read"));
    }
}

/// The time from the mosaic to label blocks on disk, and the chips that were run.
fn segment(sources: &[PathBuf], store: &Path, model: &Path) -> (Took, u64) {
    let card = ModelCard::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(model)).expect("a card");
    let mosaic = Mosaic::open(sources).expect("a mosaic");
    let manifest = plan(&mosaic, sources, &card, &SegmentOptions::default()).expect("a plan");
    let store = LabelStore::create(store, &manifest).expect("a store");
    let maker =
        Maker::start(store, mosaic, &card, Device::Cpu).expect("make setup puts ONNX Runtime into target/onnxruntime");
    let wanted = maker.store().wanted();
    let made = |event: MakeEvent<'_>| assert!(matches!(event, MakeEvent::Made(_)), "{event:?}");
    let took = Took::by(|| maker.make(&wanted, &mut { made }).expect("made"));
    (took, maker.chips_run())
}

/// As many chips through the network and what makes scores of its output: nothing read, nothing written.
fn run_bare(card: &ModelCard, lanes: &[Lane], chips: u64) -> Took {
    let load = |lane: &Lane| Semantic::open(card, &Scheme::city(), *lane).expect("loads");
    let mut networks: Vec<Semantic> = lanes.iter().map(load).collect();
    let side = card.input.chip_px as usize;
    let chip: Vec<f32> = (0..3 * side * side).map(|i| (i % 97) as f32 / 40.0 - 1.0).collect();
    let left = AtomicU64::new(chips);
    let another = || left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
    let run = |network: &mut Semantic| {
        while another() {
            drop(std::hint::black_box(network.segment(&chip).expect("runs")));
        }
    };
    Took::by(|| std::thread::scope(|scope| networks.iter_mut().for_each(|network| drop(scope.spawn(|| run(network))))))
}

/// How long something took.
struct Took {
    wall_s: f64,
    /// Of all threads.
    cpu_s: f64,
}

impl Took {
    fn by(work: impl FnOnce()) -> Self {
        let (start, before) = (Instant::now(), cpu_s());
        work();
        Self { wall_s: start.elapsed().as_secs_f64(), cpu_s: cpu_s() - before }
    }
}

/// Seconds that all threads of this process have run, in user and in kernel space.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Fields 14 and 15 of proc(5), in hundredths of a second.
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}
