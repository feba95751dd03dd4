// A click tells what stands there: its attributes in a popup, its outline on the map.

const SELECTED = 'selected';
const metres = (value) => `${Number(value).toFixed(1)} m`;
/** Attribute → title and how a person writes the value; null hides it. */
const SHOWN = {
  class: null, regularized: null, render_height: null, render_min_height: null,
  fid: ['Id', String],
  height: ['Height', metres],
  height_source: ['Height from', (value) => ({
    'dsm-dtm': 'surface − terrain', dsm: 'surface', 'class-default': 'default of its size',
  })[value] ?? value],
  size: ['Size class', String],
  confidence: ['Confidence', (value) => `${value} %`],
  unknown: ['Unlike what was taught', (value) => `${value} % (over 100: like nothing of it)`],
  area_m2: ['Area', (value) => `${Math.round(value).toLocaleString('en')} m²`],
  outline: ['Outline', (value) => ({
    regularized: 'regular angles', round: 'round', simplified: 'as segmented', exact: 'pixel edges',
    'kept-poor-fit': 'as segmented: right angles do not fit', 'kept-too-small': 'too small for a direction',
    'kept-neighbour': 'as segmented: would cover a neighbour', 'kept-road': 'as segmented: would cover a road',
  })[value] ?? value],
  provisional: ['State', (value) => (value ? 'provisional' : 'complete')],
};

export function attributesOnClick(map, layers, classes, Popup) {
  const popup = new Popup({maxWidth: '320px', closeOnClick: false, focusAfterOpen: false});
  const at = (point) => map.queryRenderedFeatures(point, {layers: layers.ids})[0];
  popup.on('close', () => select(map, null));
  map.on('click', ({point, lngLat}) => {
    const feature = at(point);
    popup.remove();
    if (!feature) return;
    popup.setLngLat(lngLat).setDOMContent(table(feature, classes)).addTo(map);
    select(map, feature);
  });
  map.on('mousemove', ({point}) => { map.getCanvas().style.cursor = at(point) ? 'pointer' : ''; });
}

function table({properties}, classes) {
  const known = classes.find((c) => c.name === properties.class);
  const place = document.createElement('div');
  place.className = 'attributes';
  const head = place.appendChild(document.createElement('h3'));
  const chip = head.appendChild(document.createElement('i'));
  chip.className = 'chip';
  chip.style.background = known?.colour ?? '#888';
  head.append(known?.title ?? properties.class ?? 'Feature');
  const rows = place.appendChild(document.createElement('table'));
  for (const [name, value] of Object.entries(properties)) {
    const shown = name in SHOWN ? SHOWN[name] : [name, String];
    if (!shown) continue;
    const row = rows.insertRow();
    row.insertCell().textContent = shown[0];
    row.insertCell().textContent = shown[1](value);
  }
  return place;
}

/** Draws the outline of one feature over all, or of none. */
function select(map, feature) {
  if (map.getLayer(SELECTED)) map.removeLayer(SELECTED);
  if (!feature) return;
  map.addLayer({
    id: SELECTED, type: 'line', source: feature.source, 'source-layer': feature.sourceLayer,
    filter: ['==', ['get', 'fid'], feature.properties.fid],
    paint: {'line-color': '#10202a', 'line-width': 2.5},
  });
}
