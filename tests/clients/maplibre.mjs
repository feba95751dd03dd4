// The map page in a headless browser: what it draws, flat and pitched, and that it asks nobody else.
// maplibre.mjs BASE OUT, with BROWSER naming a Chromium.
import {VectorTile} from '@mapbox/vector-tile';
import {validateStyleMin} from '@maplibre/maplibre-gl-style-spec';
import {PbfReader} from 'pbf';
import {base, check, inBrowser, settle, shot, tileAt} from './page.mjs';

await documents();
await inBrowser(async (open) => {
  await desktop(open);
  await phone(open);
});

/** The style by its specification, and a tile by an independent decoder. */
async function documents() {
  for (const path of ['style.json', 'style.json?extrude=false', 'style.json?imagery=true']) {
    const errors = validateStyleMin(await (await fetch(`${base}/${path}`)).json());
    check(`${path} is a valid style`, errors.length === 0, errors.map((e) => e.message).join('; '));
  }
  const {center: [lon, lat], maxzoom, tiles: [template]} = await (await fetch(`${base}/tiles.json`)).json();
  const z = maxzoom - 1;
  const {x, y} = tileAt(z, lon, lat);
  const response = await fetch(template.replace('{z}', z).replace('{x}', x).replace('{y}', y));
  const tile = new VectorTile(new PbfReader(new Uint8Array(await response.arrayBuffer())));
  let polygons = 0, closed = true, named = true;
  for (const layer of Object.values(tile.layers)) {
    for (let i = 0; i < layer.length; i += 1) {
      const feature = layer.feature(i);
      const least = feature.type === 3 ? 4 : 2; // a ring closes, a line need not
      polygons += feature.type === 3;
      named &&= feature.id === feature.properties.fid && typeof feature.properties.class === 'string';
      closed &&= feature.loadGeometry().every((ring) => ring.length >= least);
    }
  }
  check(`tile ${z}/${x}/${y} is read by an independent decoder`, polygons > 0, `${polygons} polygons`);
  check('its ids are its attribute fid, its rings are closed', named && closed);
}

async function desktop(open) {
  const {page, hosts, problems} = await open({width: 1280, height: 800});
  await settle(page);
  const count = () => page.evaluate(() => {
    const found = orthotile.map.queryRenderedFeatures({layers: orthotile.layers.ids});
    const of = (type) => found.filter((f) => f.layer.type === type).length;
    return {fill: of('fill'), extrusion: of('fill-extrusion')};
  });
  const standing = await count();
  check('3D: features and extrusions are drawn', standing.fill + standing.extrusion > 0 && standing.extrusion > 0, JSON.stringify(standing));
  const tall = await shot(page, 'viewer-3d.png');

  // The same view with the extrusions put away: what they cover.
  await page.evaluate(() => orthotile.layers.served.filter((l) => l.type === 'fill-extrusion').forEach((l) => orthotile.layers.show(l.id, false)));
  await settle(page);
  const covered = differing(tall, await shot(page, null));
  check('3D: extrusions cover pixels', covered > 0.002, `${(covered * 100).toFixed(1)} %`);

  await page.click('#view label:has(input[value=flat])');
  await page.click('#view label:has(input[value="3d"])');
  await settle(page);
  await page.evaluate(() => orthotile.map.jumpTo({zoom: orthotile.map.getZoom() + 2.2, pitch: 62}));
  await settle(page);
  await shot(page, 'viewer-close.png');
  await page.evaluate(() => orthotile.map.jumpTo({zoom: orthotile.map.getZoom() - 2.2}));
  await page.click('#view label:has(input[value=flat])');
  await settle(page);
  check('flat: the view is straight down', await page.evaluate(() => orthotile.map.getPitch() === 0));
  const flat = await count();
  check('flat: features are drawn, none stands', flat.fill > 0 && flat.extrusion === 0, JSON.stringify(flat));
  await shot(page, 'viewer-flat.png');

  await page.click('#legend li:not([hidden]) label');
  await settle(page);
  const first = await page.evaluate(() => {
    const name = document.querySelector('#legend li:not([hidden]) input').value;
    return orthotile.map.queryRenderedFeatures({layers: orthotile.layers.ids}).filter((f) => f.properties.class === name).length;
  });
  check('legend: a class that is switched off is gone', first === 0);
  await page.click('#legend li:not([hidden]) label');
  await settle(page);

  await page.evaluate(() => {
    const {map, layers} = orthotile;
    const canvas = map.getCanvas();
    for (let y = 100; y < canvas.clientHeight - 100; y += 12) {
      for (let x = 340; x < canvas.clientWidth - 100; x += 12) {
        const found = map.queryRenderedFeatures([x, y], {layers: layers.ids})[0];
        if (found?.properties.height !== undefined) return map.fire('click', {point: map.project(map.unproject([x, y])), lngLat: map.unproject([x, y])});
      }
    }
  });
  const popup = await page.locator('.attributes').innerText({timeout: 5000}).catch(() => '');
  check('click: the attributes are told', popup.includes('Height') && popup.includes('Area'), popup.replace(/\s+/g, ' '));
  await settle(page);
  await shot(page, 'viewer-click.png');
  await page.click('#underneath label:has(input[value=labels])');
  await settle(page);
  check('the page asks nobody else', hosts.size === 1, [...hosts].join(', '));
  check('the page has no errors', problems.length === 0, problems.join('; '));
  await page.close();
}

async function phone(open) {
  const {page, problems} = await open({width: 390, height: 780});
  await settle(page);
  await shot(page, 'viewer-phone.png');
  check('phone: the page has no errors', problems.length === 0, problems.join('; '));
  await page.close();
}

/** The share of pixels that are not alike in two pictures. */
function differing(a, b) {
  let count = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    if ([0, 1, 2].some((c) => Math.abs(a.data[i + c] - b.data[i + c]) > 12)) count += 1;
  }
  return count / (a.data.length / 4);
}
