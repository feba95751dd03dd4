"""QGIS draws the vector tiles with their style over the imagery, and the GeoPackage. draw_in_qgis.py BASE OUT

A server that answers nothing gives a blank map and no error, so pixels are counted.
"""

import json
import sys
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorTileLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

SIDE_PX = 900
base, out = sys.argv[1], Path(sys.argv[2])
failures = 0


def check(name, held, more=""):
    global failures
    failures += not held
    print(f"{'ok' if held else 'FAILED'} {name}{f': {more}' if more != '' else ''}")


def served(path):
    with urlopen(f"{base}/{path}") as response:
        return json.load(response)


def draw(layers, extent, name):
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    settings.setExtent(extent)
    settings.setOutputSize(QSize(SIDE_PX, SIDE_PX))
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(out / name))
    errors = [e.message for e in job.errors()]
    check(f"{name} is drawn", not errors, "; ".join(errors))
    return image


def share(image, test):
    """The share of sampled pixels that pass a test of red, green, blue."""
    colours = [image.pixelColor(x, y) for y in range(0, SIDE_PX, 3) for x in range(0, SIDE_PX, 3)]
    return sum(test(c.red(), c.green(), c.blue()) for c in colours) / len(colours)


def near(hexadecimal):
    wanted = [int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)]
    return lambda *colour: all(abs(a - b) <= 6 for a, b in zip(colour, wanted))


def not_white(*colour):
    return min(colour) < 250


def main():
    tiles, about = served("tiles.json"), served("viewer/map.json")
    to_mercator = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:4326"), QgsCoordinateReferenceSystem("EPSG:3857"), QgsProject.instance()
    )
    whole = to_mercator.transformBoundingBox(QgsRectangle(*tiles["bounds"]))
    close = QgsRectangle(whole)
    close.scale(0.35)

    url = quote(tiles["tiles"][0], safe="")
    style = quote(f"{base}/style.json?extrude=false", safe="")
    vector = QgsVectorTileLayer(
        f"type=xyz&url={url}&zmin={tiles['minzoom']}&zmax={tiles['maxzoom']}&styleUrl={style}", "vector tiles"
    )
    message, styled = vector.loadDefaultStyle()
    check("the vector tile layer is valid and styled", vector.isValid() and styled, message)
    present = [c for c in about["classes"] if c["features"] > 0]
    picture = draw([vector], close, "qgis-tiles.png")
    shares = {c["name"]: share(picture, near(c["colour"])) for c in present}
    seen = {name: f"{part:.1%}" for name, part in shares.items() if part > 0.001}
    check("classes are drawn in their colours", len(seen) > 0 and sum(shares.values()) > 0.02, seen)

    below = []
    if "imagery" in about["rasters"]:
        raster = about["rasters"]["imagery"]
        address = quote(f"{base}/{raster['path']}", safe=":/")
        imagery = QgsRasterLayer(
            f"type=xyz&url={address}&zmin={raster['minzoom']}&zmax={raster['maxzoom']}", "imagery", "wms"
        )
        check("the imagery layer is valid", imagery.isValid())
        part = share(draw([imagery], close, "qgis-imagery.png"), not_white)
        check("the imagery has pixels", part > 0.2, f"{part:.0%}")
        below = [imagery]
    vector.setOpacity(0.7)
    together = draw([vector, *below], close, "qgis-map.png")
    check("the map over the imagery has pixels", share(together, not_white) > 0.2)

    package = out / "features.gpkg"
    if package.exists():
        layer = QgsVectorLayer(str(package), "GeoPackage", "ogr")
        check("the GeoPackage is read", layer.isValid() and layer.featureCount() > 0, layer.featureCount())
        part = share(draw([layer], whole, "qgis-geopackage.png"), not_white)
        check("the GeoPackage has pixels", part > 0.02, f"{part:.0%}")


application = QgsApplication([], False)
application.initQgis()
main()
application.exitQgis()
sys.exit(1 if failures else 0)
