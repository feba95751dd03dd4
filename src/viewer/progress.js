// What is being segmented: a bar, the blocks in work on the map, and fresh tiles when one is done.

const BLOCKS = 'blocks';
/** Blocks finish in bursts: tiles are asked for again at most this often. */
const REFRESH_MS = 700;
/** A server that has no room for another listener is asked again after this time. */
const AGAIN_MS = 20_000;

export function followProgress(map, base, onFresh) {
  const blocks = new Map();
  let timer = null;
  const vectors = Object.entries(map.getStyle().sources).filter(([, s]) => s.type === 'vector').map(([name]) => name);
  const refresh = () => {
    timer = null;
    for (const name of [...vectors, 'labels']) if (map.getSource(name)) map.refreshTiles(name);
    onFresh();
  };
  drawBlocks(map);
  listen(base, (events) => {
    events.addEventListener('progress', ({data}) => {
      const progress = JSON.parse(data);
      bar(progress);
      if (progress.queued + progress.running === 0 && blocks.size > 0) {
        blocks.clear();
        showBlocks(map, blocks);
      }
    });
    events.addEventListener('block', ({data}) => {
      const event = JSON.parse(data);
      if (event.state === 'done' || event.state === 'failed') blocks.delete(event.block);
      else blocks.set(event.block, event);
      showBlocks(map, blocks);
      if (event.state === 'done') timer ??= setTimeout(refresh, REFRESH_MS);
    });
  });
}

/** Listens to events. A browser tries again by itself when a stream ends, but not after an answer such as 503. */
function listen(base, attach) {
  const events = new EventSource(`${base}events`);
  attach(events);
  events.addEventListener('error', () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(() => listen(base, attach), AGAIN_MS);
  });
}

function bar({made, total, queued, running, failed, mpx_per_s, seconds_left, device}) {
  const place = document.getElementById('progress');
  const busy = queued + running > 0;
  place.hidden = !busy && !failed;
  const parts = [];
  if (busy && mpx_per_s > 0) parts.push(`${mpx_per_s.toFixed(1)} Mpx/s`);
  if (busy && device) parts.push(device);
  if (busy && seconds_left != null) parts.push(`${duration(seconds_left)} left`);
  if (failed) parts.push(`${failed} failed`);
  document.getElementById('progress-title').textContent = `${busy ? 'Segmenting' : 'Segmented'} ${made} of ${total} blocks`;
  document.getElementById('progress-text').textContent = parts.join(' · ');
  place.querySelector('progress').value = total ? made / total : 1;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function drawBlocks(map) {
  map.addSource(BLOCKS, {type: 'geojson', data: {type: 'FeatureCollection', features: []}});
  const running = ['==', ['get', 'state'], 'running'];
  map.addLayer({id: 'blocks-fill', type: 'fill', source: BLOCKS, filter: running, paint: {'fill-color': '#c2613f', 'fill-opacity': 0.16}});
  map.addLayer({
    id: 'blocks-line', type: 'line', source: BLOCKS,
    paint: {'line-color': '#c2613f', 'line-width': ['case', running, 2, 1], 'line-dasharray': [3, 2], 'line-opacity': ['case', running, 1, 0.6]},
  });
}

function showBlocks(map, blocks) {
  const features = [...blocks.values()].map(({state, bbox}) => {
    const [w, s, e, n] = inOnePiece(bbox);
    return {
      type: 'Feature', properties: {state},
      geometry: {type: 'Polygon', coordinates: [[[w, s], [e, s], [e, n], [w, n], [w, s]]]},
    };
  });
  map.getSource(BLOCKS)?.setData({type: 'FeatureCollection', features});
}

/** West, south, east and north; across the antimeridian west lies east of east, and east goes on beyond 180 here. */
export function inOnePiece([w, s, e, n]) {
  return [w, s, e < w ? e + 360 : e, n];
}
