"""Small valid inputs, made by the program itself: what the tests damage, kill and mutate."""

import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "fixtures" / "models"
CLASSES = {"building", "road", "vegetation"}

VRT = """\
<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">
  <SRS dataAxisToSRSAxisMapping="1,2">EPSG:32632</SRS>
  <GeoTransform>514200.0, 0.25, 0.0, 5331680.0, 0.0, -0.25</GeoTransform>
{bands}</VRTDataset>
"""
BAND = """\
  <VRTRasterBand dataType="Byte" band="{band}">
    <ColorInterp>{colour}</ColorInterp>
    <SimpleSource>
      <SourceFilename relativeToVRT="1">scenes/demo_r0c0.tif</SourceFilename>
      <SourceBand>{band}</SourceBand>
      <SourceProperties RasterXSize="{cols}" RasterYSize="{rows}" DataType="Byte" BlockXSize="512" BlockYSize="512" />
      <SrcRect xOff="0" yOff="0" xSize="{cols}" ySize="{rows}" />
      <DstRect xOff="0" yOff="0" xSize="{cols}" ySize="{rows}" />
    </SimpleSource>
  </VRTRasterBand>
"""
CONFIG = """\
listen = "127.0.0.1:0"
public_url = "https://maps.example.org"
trust_forwarded = false
cors = true

[[maps]]
path = "/town"
store = "store"
attribution = "Town"
segment = false
device = "cpu"
vectors = { smooth = 1, road_gap_m = 20.0, road_angle_deg = 30.0, max_vertices = 500, split_roofs = 0.12 }
"""


class Town:
    """A town of 100 by 80 m with a store of 35 blocks, clusters, a head and everything that goes with them."""

    def __init__(self, program, folder):
        self.folder = folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.program = program
        self.scenes = folder / "scenes"
        run = program.must
        run(["demo", "--out", folder, "--width-m", 100, "--height-m", 80, "--seed", 7], folder)
        self.card, self.features = MODELS / "context.toml", MODELS / "dinov2-plain.toml"
        self.segment = ["segment", self.scenes, "--model", self.card, "--device", "cpu", "--block-px", 64, "--dsm",
                        folder / "dsm.tif", "--dtm", folder / "dtm.tif"]
        self.store = folder / "store"
        run([*self.segment, "--store", self.store], folder)
        self.write_labels()
        self.train = ["train", self.scenes, "--model", self.features, "--device", "cpu"]
        run([*self.train, "--labels", folder / "some.geojson", "-o", folder / "head.json"], folder)
        run(["export", "--store", self.store, "-o", folder / "labels.tif"], folder)
        self.write_texts()

    def write_labels(self):
        """The truth of the town as labels, in two halves, and its outline as an area of interest."""
        truth = json.loads((self.folder / "truth.geojson").read_text())
        labels = []
        for feature in truth["features"]:
            kind = feature["properties"].get("class")
            if feature["geometry"]["type"] == "Polygon" and kind in CLASSES:
                labels.append({"type": "Feature", "properties": {"class": kind}, "geometry": feature["geometry"]})
        corners = [c for label in labels for c in label["geometry"]["coordinates"][0]]
        west, east = min(c[0] for c in corners), max(c[0] for c in corners)
        south, north = min(c[1] for c in corners), max(c[1] for c in corners)
        middle = (west + east) / 2
        area = [[[west, south], [middle, south], [middle, north], [west, north], [west, south]]]
        labels.sort(key=lambda label: (label["properties"]["class"], label["geometry"]["coordinates"][0][0]))
        parts = {"some.geojson": labels[::2], "more.geojson": labels[1::2], "one.geojson": labels[:1]}
        for name, part in parts.items():
            self.write(name, json.dumps({"type": "FeatureCollection", "features": part[:12]}))
        self.write("area.geojson", json.dumps({"type": "Polygon", "coordinates": area}))

    def write_texts(self):
        names = ["Red", "Green", "Blue"]
        bands = "".join(BAND.format(band=n + 1, colour=name, cols=181, rows=208) for n, name in enumerate(names))
        self.write("mosaic.vrt", VRT.format(cols=181, rows=208, bands=bands))
        self.write("maps.toml", CONFIG)
        shutil.copy(ROOT / "styles" / "city.toml", self.folder / "scheme.toml")

    def write(self, name, text):
        (self.folder / name).write_text(text)


def blocks(store):
    """The label blocks of a store by name."""
    return {path.name: path.read_bytes() for path in sorted((Path(store) / "labels").glob("*.tif"))}
