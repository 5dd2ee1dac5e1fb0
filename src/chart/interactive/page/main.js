// Pointer, keyboard, and the first picture.

const stage = byId('stage');
const canvas = byId('map');
let tool = 'pan';
let loop = null;

function choose(name) {
  tool = name;
  for (const each of ['pan', 'lasso']) byId(`tool-${each}`).setAttribute('aria-pressed', String(each === name));
  stage.dataset.tool = name;
}

const pointers = new Map();
let drag = null;

const at = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

canvas.addEventListener('pointerdown', (event) => {
  if (event.button > 1) return;
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, at(event));
  hover(-1);
  if (pointers.size === 1) {
    drag = { at: at(event), far: 0, turns: !flat && event.button === 0 && !event.ctrlKey && !event.altKey };
    if (event.button === 0 && (tool === 'lasso' || event.shiftKey)) loop = [at(event)];
  } else {
    loop = null;
    drag = null;
    drawLoop();
  }
});

canvas.addEventListener('pointermove', (event) => {
  const before = pointers.get(event.pointerId);
  const [x, y] = at(event);
  if (!before) {
    lookUnder(x, y);
    return;
  }
  const others = [...pointers.values()].filter((each) => each !== before);
  pointers.set(event.pointerId, [x, y]);
  const [dx, dy] = [x - before[0], y - before[1]];
  if (others.length) {
    // Two fingers: what is between them stays between them.
    const [ox, oy] = others[0];
    const [near, far] = [Math.hypot(before[0] - ox, before[1] - oy), Math.hypot(x - ox, y - oy)];
    if (near > 0) camera.zoomAt(far / near, (x + ox) / 2, (y + oy) / 2);
    camera.pan(dx / 2, dy / 2);
    moved();
  } else if (loop) {
    loop.push([x, y]);
    drawLoop();
  } else if (drag) {
    drag.far = Math.max(drag.far, Math.hypot(x - drag.at[0], y - drag.at[1]));
    if (drag.turns) camera.rotate(dx, dy);
    else camera.pan(dx, dy);
    moved();
  }
});

function released(event) {
  const held = pointers.delete(event.pointerId);
  if (!held || event.type === 'pointercancel') {
    loop = drag = null;
    drawLoop();
    return;
  }
  if (loop && loop.length > 2) select(within(loop));
  else if (drag && drag.far < 5) {
    // A finger hides what is under it, and a small screen has no room: the panel says it alone.
    const touch = event.pointerType === 'touch';
    const i = camera.nearest(...at(event), touch ? 22 : 10);
    hover(i, !touch);
    if (i >= 0) pin(i);
  }
  loop = drag = null;
  drawLoop();
}
canvas.addEventListener('pointerup', released);
canvas.addEventListener('pointercancel', released);
// A finger leaves as soon as it is lifted; what it pointed at stays.
canvas.addEventListener('pointerleave', (event) => { if (pointers.size === 0 && event.pointerType === 'mouse') hover(-1); });

let looking = null;
function lookUnder(x, y) {
  if (looking === null) {
    requestAnimationFrame(() => {
      const i = camera.nearest(...looking, 8);
      if (i !== hovered || tip.hidden) hover(i);
      looking = null;
    });
  }
  looking = [x, y];
}

canvas.addEventListener('wheel', (event) => {
  event.preventDefault();
  const lines = event.deltaY * [1, 16, 100][event.deltaMode];
  hover(-1);
  camera.zoomAt(Math.exp(-Math.max(-300, Math.min(300, lines)) * (event.ctrlKey ? 0.01 : 0.0016)), ...at(event));
  moved();
}, { passive: false });

canvas.addEventListener('dblclick', (event) => {
  camera.zoomAt(event.shiftKey ? 0.5 : 2, ...at(event));
  moved();
});

function drawLoop() {
  lasso.setAttribute('points', loop ? loop.map((point) => point.map((value) => value.toFixed(1)).join(',')).join(' ') : '');
}

// Visible rows inside of a polygon.
function within(polygon) {
  const inside = [];
  const [xs, ys] = [polygon.map((p) => p[0]), polygon.map((p) => p[1])];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  camera.each((i, x, y) => {
    if (x < left || x > right || y < top || y > bottom) return;
    let odd = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
    }
    if (odd) inside.push(drawn[i]);
  });
  return inside;
}

const corners = () => [[0, 0], [camera.width, 0], [camera.width, camera.height], [0, camera.height]];

function fit() {
  camera.fit();
  moved();
}

function zoomMiddle(factor) {
  camera.zoomAt(factor, camera.width / 2, camera.height / 2);
  moved();
}

canvas.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const move = (dx, dy) => {
    if (flat || event.shiftKey) camera.pan(-dx * 50, -dy * 50);
    else camera.rotate(dx * 12, dy * 12);
    moved();
  };
  const keys = {
    ArrowLeft: () => move(-1, 0),
    ArrowRight: () => move(1, 0),
    ArrowUp: () => move(0, -1),
    ArrowDown: () => move(0, 1),
    '+': () => zoomMiddle(1.3),
    '=': () => zoomMiddle(1.3),
    '-': () => zoomMiddle(1 / 1.3),
    0: fit,
    Home: fit,
    l: () => choose(tool === 'lasso' ? 'pan' : 'lasso'),
    '/': () => byId('search')?.focus(),
    Enter: () => {
      const i = camera.nearest(camera.width / 2, camera.height / 2, Infinity);
      hover(i);
      if (i >= 0) pin(i);
    },
    Escape: () => {
      hover(-1);
      if (loop) loop = null;
      else select([]);
      drawLoop();
    },
  };
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

byId('tool-pan').onclick = () => choose('pan');
byId('tool-lasso').onclick = () => choose('lasso');
byId('zoom-in').onclick = () => zoomMiddle(1.5);
byId('zoom-out').onclick = () => zoomMiddle(1 / 1.5);
byId('fit').onclick = fit;
byId('size').oninput = redraw;
byId('take-view').onclick = () => select(within(corners()));
byId('clear').onclick = () => select([]);
byId('as-csv').onclick = saveCsv;
byId('as-json').onclick = saveJson;
byId('close-row').onclick = () => {
  byId('row').hidden = true;
  hover(-1);
  canvas.focus({ preventScroll: true });
};
if (map.has_texts) {
  let waiting = 0;
  byId('search').oninput = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => search(byId('search').value), 150);
  };
  byId('take-found').onclick = () => select([...(found ?? [])]);
  // What was typed while the texts were still being read is looked for again.
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => search(byId('search').value));
}
for (const each of document.querySelectorAll('input[name=theme]')) each.addEventListener('change', recolor);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolor);

// Paper is always light, and needs all points.
for (const event of ['beforeprint', 'afterprint']) {
  addEventListener(event, () => {
    paper.printing = event === 'beforeprint';
    paintPalette();
    painter.recolor();
    painter.draw(drawn.length);
  });
}


function resize() {
  const box = stage.getBoundingClientRect();
  const ratio = Math.min(2, devicePixelRatio || 1);
  camera.width = Math.max(1, box.width);
  camera.height = Math.max(1, box.height);
  painter.canvas.width = Math.round(camera.width * ratio);
  painter.canvas.height = Math.round(camera.height * ratio);
  byId('marks').setAttribute('viewBox', `0 0 ${camera.width} ${camera.height}`);
  if (camera.fitted) camera.fit();
  placeRing();
  painter.draw(drawn.length);
}

choose('pan');
paintCodes();
paintPalette();
showLegend();
showVisible();
select([]);
camera.fitted = true;
use(pixels());
new ResizeObserver(resize).observe(stage);
requestAnimationFrame(() => {
  requestAnimationFrame(() => {
    performance.mark('map-drawn');
    setTimeout(calibrate, 50);
  });
});
