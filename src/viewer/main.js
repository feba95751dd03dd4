// The map page. All addresses are relative to the page, so it works under any prefix and behind any proxy.
import * as maplibregl from './maplibre-gl.mjs';
import {mapStyle, Layers} from './layers.js';
import {controls, heading} from './panel.js';
import {attributesOnClick} from './attributes.js';
import {followProgress, inOnePiece} from './progress.js';

/** The folder of the page, with a slash at its end. */
const base = new URL('.', document.baseURI).href;
/** A document of the server; while the map is being opened it is asked for again. */
const json = async (path) => {
  for (;;) {
    const response = await fetch(base + path);
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    if (response.status !== 503 || problem.reason) throw new Error(`${path}: ${problem.detail ?? response.statusText}`);
    const {step, blocks_read: read, blocks} = problem.progress ?? {};
    if (step) notice(`The map is being opened: ${step}${blocks ? `, ${read} of ${blocks} blocks` : ''}.`);
    await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(response.headers.get('Retry-After')) || 1)));
  }
};

try {
  await start();
} catch (error) {
  notice(`The map cannot be shown. ${error.message}`);
}

async function start() {
  const [info, tiles, style] = await Promise.all([json('viewer/map.json'), json('tiles.json'), json('style.json')]);
  document.getElementById('notice').hidden = true;
  const map = new maplibregl.Map({
    container: 'map',
    style: mapStyle({base, info, tiles, style}),
    bounds: inOnePiece(info.bounds),
    fitBoundsOptions: {padding: padding(), pitch: 50, bearing: -18},
    maxPitch: 75,
    hash: true,
    attributionControl: {compact: true, customAttribution: 'orthotile'},
    // Tiles change while the map is made: ask whether they did, which the server answers from its ETag.
    transformRequest: (url) => ({url, cache: 'no-cache'}),
    canvasContextAttributes: {antialias: true},
  });
  map.addControl(new maplibregl.NavigationControl({visualizePitch: true}), 'top-right');
  map.addControl(new maplibregl.FullscreenControl(), 'top-right');
  map.addControl(new maplibregl.ScaleControl({maxWidth: 120}), 'bottom-right');
  map.on('error', ({error}) => console.warn(error?.message ?? error));
  await new Promise((resolve) => map.once('style.load', resolve));
  const layers = new Layers(map, style);
  controls({map, layers, info, base, tiles});
  attributesOnClick(map, layers, info.classes, maplibregl.Popup);
  followProgress(map, base, async () => heading(await json('viewer/map.json')));
  globalThis.orthotile = {map, layers}; // for the console and for tests
}

/** Room for the panel beside (or above) the mosaic. */
function padding() {
  const narrow = innerWidth <= 640;
  return {top: 10, bottom: narrow ? 80 : 10, left: narrow ? 10 : 310, right: narrow ? 10 : 20};
}

function notice(text) {
  const place = document.getElementById('notice');
  place.textContent = text;
  place.hidden = false;
}
