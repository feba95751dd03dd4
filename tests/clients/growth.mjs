// A map that grows while it is looked at: the server makes what the page asks for, and the page shows it without a reload.
// growth.mjs BASE OUT, with BROWSER naming a Chromium; nothing is made yet of the map at BASE, and it is made on request.
import {base, check, inBrowser, settle, shot, tileAt} from './page.mjs';

/** Nearer than the zoom from which on the server makes what is missing. */
const ZOOM = 15.5;
const MINUTES = 15;

const seconds = (cache) => Number(/max-age=(\d+)/.exec(cache ?? '')?.[1] ?? NaN);
const json = async (path) => (await fetch(`${base}/${path}`)).json();

const before = await json('progress');
check('nothing is made before somebody looks', before.made + before.queued + before.running === 0, JSON.stringify(before));
const {center: [lon, lat], maxzoom} = await json('tiles.json');

await inBrowser(async (open) => {
  const started = Date.now();
  const {page, problems, tiles} = await open({width: 1280, height: 800}, `#${ZOOM}/${lat}/${lon}/-18/50`, watch);
  let loads = 0;
  page.on('load', () => { loads += 1; });
  await shot(page, 'growth-first.png');
  let now, during = false;
  do {
    await page.waitForTimeout(300);
    now = await json('progress');
    if (!during && now.made > 0) during = await shot(page, 'growth-during.png');
  } while ((now.made === 0 || now.queued + now.running > 0) && Date.now() - started < MINUTES * 60_000);
  await page.waitForFunction(() => document.getElementById('progress').hidden);
  await settle(page);
  await shot(page, 'growth-grown.png');
  const seen = await page.evaluate(() => { globalThis.look(); return globalThis.seen; });
  const last = seen.at(-1);

  check('looking starts the making', now.made > 0 && now.failed === 0, JSON.stringify(now));
  const first = new Map();
  tiles.forEach((tile) => { if (!first.has(tile.name)) first.set(tile.name, tile); });
  check('the map is empty at first', [...first.values()].some((tile) => tile.status === 204 && tile.state === 'provisional'));
  check('polygons appear', last.polygons > 0, growth(seen));
  check('without a reload', loads === 0);
  const told = [...new Set(seen.map((s) => s.progress).filter(Boolean))];
  check('the page shows how far it is', told.some((text) => /^Segmenting \d+ of \d+ blocks$/.test(text)), told.join(', '));
  check('the blocks in work are outlined, and then no more', seen.some((s) => s.blocks > 0) && last.blocks === 0);
  check('the progress goes when all is made', last.progress === '', last.progress);

  const young = tiles.filter((tile) => tile.state === 'provisional');
  check('a tile that grows is kept for seconds', young.length > 0 && young.every((tile) => seconds(tile.cache) <= 5), young[0]?.cache);
  const {x, y} = tileAt(maxzoom - 1, lon, lat);
  const grown = await fetch(`${base}/tiles/${maxzoom - 1}/${x}/${y}.mvt`);
  const kept = grown.headers.get('cache-control');
  check('a tile that is complete is kept for a minute', grown.headers.get('x-tile-state') === 'complete' && seconds(kept) >= 60, kept);
  check('the page has no errors', problems.length === 0, problems.join('; '));
});

/** Runs in the page before anything of it: looks twice a second at what is drawn. */
function watch() {
  globalThis.seen = [];
  globalThis.look = () => {
    const {map, layers} = globalThis.orthotile ?? {};
    if (!map?.getLayer('blocks-line')) return;
    const drawn = (ids) => new Set(map.queryRenderedFeatures({layers: ids}).map((f) => f.id ?? f.geometry.coordinates.join())).size;
    const place = document.getElementById('progress');
    globalThis.seen.push({
      polygons: drawn(layers.ids),
      blocks: drawn(['blocks-line']),
      progress: place.hidden ? '' : document.getElementById('progress-title').textContent,
    });
  };
  setInterval(globalThis.look, 500);
}

/** The numbers of polygons, each once. */
function growth(seen) {
  return seen.map((s) => s.polygons).filter((n, i, all) => n !== all[i - 1]).join(' → ');
}
