// What the file carries: points, columns, texts.

const byId = (id) => document.getElementById(id);
const count = (value) => value.toLocaleString('en');
const map = JSON.parse(byId('map-data').textContent);
const rows = map.rows;
const flat = map.dimensions === 2;

// Four significant digits; all of them are in the exports.
const brief = (value) => Number(value.toPrecision(4)).toLocaleString('en', { maximumSignificantDigits: 4, useGrouping: false });

// Milliseconds since 1970 as a date, with the time of day where there is one.
function time(milliseconds) {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return String(milliseconds);
  const [day, clock] = date.toISOString().split('T');
  return clock.startsWith('00:00:00') ? day : `${day} ${clock.slice(0, 5)}`;
}

function bytes(base64) {
  const raw = atob(base64);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

const coordinates = new Float32Array(bytes(map.points).buffer);

// The row of each point that can be drawn, in a scattered order: no group covers the others because
// it comes last in the file, and the first few are a fair sample of all.
const drawn = (() => {
  const finite = [];
  for (let row = 0; row < rows; row++) {
    let whole = true;
    for (let axis = 0; axis < map.dimensions; axis++) whole &&= Number.isFinite(coordinates[row * map.dimensions + axis]);
    if (whole) finite.push(row);
  }
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  let step = Math.max(1, Math.floor(finite.length * 0.61803398875));
  while (finite.length > 1 && divisor(step, finite.length) !== 1) step++;
  return Uint32Array.from(finite, (_, i) => finite[(i * step) % finite.length]);
})();

// Three coordinates of each drawn point around the middle of all; the longest axis goes from -1 to 1.
const positions = (() => {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const row of drawn) {
    for (let axis = 0; axis < map.dimensions; axis++) {
      const value = coordinates[row * map.dimensions + axis];
      low[axis] = Math.min(low[axis], value);
      high[axis] = Math.max(high[axis], value);
    }
  }
  let half = 0;
  for (let axis = 0; axis < map.dimensions; axis++) half = Math.max(half, (high[axis] - low[axis]) / 2 || 0);
  if (!(half > 0)) half = 1;
  const out = new Float32Array(drawn.length * 3);
  for (let i = 0; i < drawn.length; i++) {
    for (let axis = 0; axis < map.dimensions; axis++) {
      const value = coordinates[drawn[i] * map.dimensions + axis];
      out[i * 3 + axis] = (value - (low[axis] / 2 + high[axis] / 2)) / half;
    }
  }
  return out;
})();

// Colours have codes: entries of the legend from 0 on, or steps of the ramp.
const STEPS = map.ramp.light.length;
const MISSING = 255;

for (const column of map.columns) {
  const data = bytes(column.data).buffer;
  if (column.kind === 'categories') {
    column.values = column.width === 1 ? new Uint8Array(data) : column.width === 2 ? new Uint16Array(data) : new Uint32Array(data);
    const none = 2 ** (8 * column.width) - 1;
    column.code = (row) => (column.values[row] === none ? column.none : column.entry_of[column.values[row]]);
    column.text = (row) => (column.values[row] === none ? '' : column.names[column.values[row]]);
    // What the file holds: the number 2 where the legend says "2 stars".
    column.value = (row) => (column.values[row] === none ? null : (column.numbers ?? column.names)[column.values[row]]);
  } else {
    column.values = new Float64Array(data);
    const span = column.high - column.low;
    column.code = (row) => {
      const value = column.values[row];
      if (Number.isNaN(value)) return MISSING;
      const share = span > 0 ? (value - column.low) / span : 0.5;
      return Math.round(Math.min(1, Math.max(0, share)) * (STEPS - 1));
    };
    column.value = (row) => (Number.isNaN(column.values[row]) ? null : column.values[row]);
    column.text = (row) => (Number.isNaN(column.values[row]) ? '' : column.written(column.values[row]));
    column.written = (value) => (column.unit ? time(value * column.unit) : Number.isInteger(value) ? String(value) : brief(value));
  }
}

// Texts stand behind the script, in blocks: the map is drawn before they are read, and a block
// becomes strings when it is needed.
const texts = {
  blocks: [],
  of(row) {
    const block = Math.floor(row / map.texts_per_block);
    if (!this.blocks[block]) {
      const element = byId(`texts-${block}`);
      // The end of its element may not have been read yet.
      if (!element || (document.readyState === 'loading' && !element.nextElementSibling)) return undefined;
      this.blocks[block] = JSON.parse(element.textContent);
      element.textContent = '';
    }
    return this.blocks[block][row % map.texts_per_block] ?? '';
  },
};

// A control character is shown by its picture: it is part of the data, and invisible by itself.
const shown = (text) =>
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, (c) => String.fromCharCode(c === '\u007f' ? 0x2421 : 0x2400 + c.charCodeAt(0)));

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
