// The panel: view, what lies underneath, opacity, legend, links.

/** The class of all that is nothing else: over imagery it would only be a veil. */
const REST = 'other';
const $ = (selector) => document.querySelector(selector);

export function controls({map, layers, info, base, tiles}) {
  const chosen = (name, act) => {
    for (const input of document.getElementsByName(name)) {
      input.addEventListener('change', () => act(input.value));
      if (input.checked) act(input.value);
    }
  };
  for (const input of document.getElementsByName('underneath')) {
    input.disabled = input.value !== 'none' && !info.rasters[input.value];
    if (input.value === 'imagery' && !input.disabled) input.checked = true;
  }
  keepView(map);
  chosen('view', (value) => layers.extrude(value === '3d'));
  chosen('underneath', (value) => layers.underneath(value));
  opacity(layers, info.rasters.imagery ? 85 : 100);
  legend(layers, info.classes, 'imagery' in info.rasters);
  heading(info);
  links(base, tiles, info);
  fold();
}

/** The name of the map, how much is on it, and which classes. */
export function heading({name, features, resolution_m_per_px: metres, classes}) {
  document.title = `${name} · orthotile`;
  $('#name').textContent = name;
  const pixel = metres < 1 ? `${(metres * 100).toFixed(metres < 0.1 ? 1 : 0)} cm` : `${metres.toFixed(1)} m`;
  $('#about').textContent = `${count(features)} features · ${pixel} pixels`;
  for (const {name: id, features: some} of classes) {
    const item = document.getElementById(`class-${id}`);
    if (!item) continue;
    item.hidden = some === 0 && features > 0;
    item.querySelector('b').textContent = count(some);
  }
}

const count = (number) => number.toLocaleString('en');

/** A place in the address (#zoom/lat/lon/bearing/pitch) that looks straight down begins with the flat view. */
function keepView(map) {
  const flat = location.hash.split('/').length > 2 && map.getPitch() === 0;
  if (flat) $('input[name=view][value=flat]').checked = true;
}

function opacity(layers, percent) {
  const input = $('#opacity');
  const apply = () => {
    $('#opacity-text').textContent = `${input.value} %`;
    layers.opacity(input.value / 100);
  };
  input.value = percent;
  input.addEventListener('input', apply);
  apply();
}

function legend(layers, classes, imagery) {
  const list = $('#legend');
  for (const {name, title, colour} of classes) {
    const item = list.appendChild(document.createElement('li'));
    item.id = `class-${name}`;
    item.innerHTML = '<label><i class="chip"></i><span class="grow"></span><b></b><input class="switch" type="checkbox" role="switch" checked></label>';
    item.querySelector('.chip').style.background = colour;
    item.querySelector('span').textContent = title;
    const input = item.querySelector('input');
    input.value = name;
    input.checked = !(imagery && name === REST);
  }
  const apply = () => layers.classes([...list.querySelectorAll('input:checked')].map((input) => input.value));
  list.addEventListener('change', apply);
  apply();
}

function links(base, tiles, info) {
  const vector = `${base}tiles/{z}/{x}/{y}.mvt`;
  const qgis = `type=xyz&url=${encodeURIComponent(vector)}&zmin=${tiles.minzoom}&zmax=${tiles.maxzoom}` +
    `&styleUrl=${encodeURIComponent(`${base}style.json?extrude=false`)}`;
  const rows = [
    ['MapLibre style', `${base}style.json`],
    ['TileJSON', `${base}tiles.json`],
    ['Vector tiles', vector],
    ['QGIS vector tile layer', qgis],
    ['GeoJSON of an area', `${base}features.geojson?bbox=${info.bounds.map((v) => v.toFixed(5)).join(',')}`],
  ];
  if (info.rasters.imagery) rows.push(['Imagery tiles', base + info.rasters.imagery.path]);
  const list = $('#links dl');
  for (const [title, address] of rows) {
    list.appendChild(document.createElement('dt')).textContent = title;
    const row = list.appendChild(document.createElement('dd'));
    row.appendChild(document.createElement('code')).textContent = address;
    const button = row.appendChild(document.createElement('button'));
    button.type = 'button';
    button.textContent = 'Copy';
    button.addEventListener('click', () => copy(button, address));
  }
}

/** The clipboard needs https or localhost; elsewhere the text is selected instead. */
async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(button.previousSibling);
    button.textContent = 'Ctrl+C';
  }
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}

function fold() {
  const set = (folded) => {
    $('#panel').classList.toggle('folded', folded);
    $('#fold').setAttribute('aria-expanded', String(!folded));
  };
  $('#fold').addEventListener('click', () => set(!$('#panel').classList.contains('folded')));
  set(innerWidth <= 640);
}
