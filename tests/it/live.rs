//! A map that grows on request: each block once, and in the end the map of a batch run.

use std::time::{Duration, Instant};

use orthotile::feature::Feature;
use orthotile::pipeline::FeatureOptions;
use orthotile::seed::{BlockState, Live};

use crate::common::{maker, small_mosaic};

fn features(live: &Live) -> Vec<Feature> {
    live.snapshot().store.iter().map(|f| f.feature.clone()).collect()
}

#[test]
fn asked_many_times_a_block_is_made_once_and_the_map_becomes_that_of_a_batch() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let batch = maker(&scenes, &folder.path().join("batch"), "context", 128);
    batch.make(&batch.store().wanted(), &mut |_| {}).expect("made");
    let options = FeatureOptions::for_store(batch.store()).expect("on the ground");
    let whole = Live::open("batch", batch.store().clone(), None, options.clone()).expect("opened");

    let asked = maker(&scenes, &folder.path().join("asked"), "context", 128);
    let live = Live::open("asked", asked.store().clone(), Some(asked), options).expect("opened");
    let mut events = live.subscribe();
    let all = live.bounds();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(live.request(&all).expect("room in the queue").coming > 0));
        }
    });
    let started = Instant::now();
    while live.missing(&all) > 0 {
        assert!(started.elapsed() < Duration::from_secs(120), "{:?}", live.progress());
        std::thread::sleep(Duration::from_millis(20));
        live.request(&all).expect("room in the queue");
    }
    // A block is told of a moment after it is served.
    std::thread::sleep(Duration::from_millis(200));
    let mut made = Vec::new();
    while let Ok(event) = events.try_recv() {
        if event.state == BlockState::Done {
            made.push(event.block);
        }
    }
    let total = made.len();
    made.sort_unstable();
    made.dedup();
    assert_eq!((total, made.len()), (live.snapshot().total, live.snapshot().total), "each block is made once");
    assert!(features(&live).iter().all(|f| !f.provisional));
    assert!(features(&live) == features(&whole), "the same features, ids and outlines as in one batch");
}

#[test]
fn what_another_run_has_made_is_served_with_a_model_and_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    for has_model in [true, false] {
        let store = folder.path().join(format!("store-{has_model}"));
        let [other, own] = [(), ()].map(|()| maker(&scenes, &store, "context", 128));
        let options = FeatureOptions::for_store(own.store()).expect("on the ground");
        let live = Live::open("town", own.store().clone(), has_model.then_some(own), options).expect("opened");
        let all = live.bounds();
        if !has_model {
            let asked = live.request(&all).expect("room in the queue");
            assert_eq!((asked.missing, asked.coming, asked.failed), (live.snapshot().total, 0, 0), "nobody makes them");
        }
        other.make(&other.store().wanted(), &mut |_| {}).expect("made");
        let started = Instant::now();
        while live.missing(&all) > 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "model {has_model}: {:?}", live.progress());
            live.request(&all).expect("room in the queue");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!features(&live).is_empty());
        assert_eq!(live.progress().running, 0);
    }
}
