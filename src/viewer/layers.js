// What the map draws: the served style on sources beside the page, and the switches of the panel.

/** The layers of the served style that draw our vector tiles. */
const drawn = (style) => style.layers.filter((layer) => style.sources[layer.source]?.type === 'vector');
const OPACITY = {fill: 'fill-opacity', line: 'line-opacity', 'fill-extrusion': 'fill-extrusion-opacity'};

/** The served style with the rasters underneath, all read from beside the page. */
export function mapStyle({base, info, tiles, style}) {
  const sources = {};
  for (const [name, source] of Object.entries(style.sources)) {
    sources[name] = source.type === 'vector' ? vectorSource(base, tiles) : source;
  }
  const underneath = [];
  for (const [name, raster] of Object.entries(info.rasters)) {
    sources[name] = {
      type: 'raster', tiles: [base + raster.path], tileSize: raster.tile_px, bounds: tiles.bounds,
      minzoom: raster.minzoom, maxzoom: raster.maxzoom,
    };
    const paint = name === 'labels' ? {'raster-resampling': 'nearest', 'raster-fade-duration': 0} : {};
    underneath.push({id: name, type: 'raster', source: name, layout: {visibility: 'none'}, paint});
  }
  const first = style.layers.findIndex((layer) => layer.type !== 'background');
  const at = first < 0 ? style.layers.length : first;
  return {...style, sources, layers: [...style.layers.slice(0, at), ...underneath, ...style.layers.slice(at)]};
}

/** The tiles beside the page, with the line that says whose imagery they were made from. */
export function vectorSource(base, {minzoom, maxzoom, bounds, attribution}) {
  const source = {type: 'vector', tiles: [`${base}tiles/{z}/{x}/{y}.mvt`], minzoom, maxzoom, bounds};
  return attribution ? {...source, attribution} : source;
}

/** The switches over the layers of a map. */
export class Layers {
  constructor(map, style) {
    this.map = map;
    this.served = drawn(style);
  }

  get ids() { return this.served.map((layer) => layer.id); }

  /** Extrusions stand only in the 3D view; the flat twins below them stay. */
  extrude(on) {
    for (const layer of this.served.filter((l) => l.type === 'fill-extrusion')) this.show(layer.id, on);
    this.map.easeTo({pitch: on ? 50 : 0, bearing: on ? -18 : 0, duration: 700});
  }

  /** One of the rasters, or none. */
  underneath(name) {
    for (const id of ['imagery', 'labels']) if (this.map.getLayer(id)) this.show(id, id === name);
  }

  /** Draws only the classes named. */
  classes(names) {
    const wanted = ['in', ['get', 'class'], ['literal', names]];
    for (const {id, filter} of this.served) this.map.setFilter(id, filter ? ['all', filter, wanted] : wanted);
  }

  /** 0 to 1, times what the style says. */
  opacity(share) {
    for (const {id, type, paint} of this.served) {
      const property = OPACITY[type];
      if (!property) continue;
      const styled = paint?.[property] ?? 1;
      this.map.setPaintProperty(id, property, typeof styled === 'number' ? styled * share : share);
    }
  }

  show(id, on) { this.map.setLayoutProperty(id, 'visibility', on ? 'visible' : 'none'); }
}
