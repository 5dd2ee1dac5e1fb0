// Rows in words: the one under the pointer, the found and the selected, and their export.

const tip = byId('tip');
const ring = byId('ring');
const lasso = byId('lasso');
// The drawn point that the ring stands around; -1 for none.
let hovered = -1;

const LONGEST_TIP = 220;
// The tip names the column of the colours and the first few others; the panel has all.
const FACTS_OF_TIP = 4;
const LONGEST_LIST = 200;

const cut = (text, length) => (text.length > length ? `${text.slice(0, length).replace(/[\ud800-\udbff]$/, '')}…` : text);
const textOf = (row) => (map.has_texts ? texts.of(row) ?? 'still loading' : '');
// Rows count from 0, as in every command and file.
const titleOf = (row) => `Row ${row}`;

function facts(row, most = Infinity) {
  const list = element('dl');
  const first = column ? [column, ...columns.filter((each) => each !== column)] : columns;
  for (const each of most < columns.length ? first : columns) {
    if (list.childElementCount >= most) break;
    const value = each.text(row);
    if (value !== '') list.append(element('div', {}, element('dt', { textContent: shown(each.name), dir: 'auto' }), element('dd', { textContent: shown(cut(value, 200)), dir: 'auto' })));
  }
  return list;
}

function placeRing() {
  if (hovered < 0) {
    ring.setAttribute('visibility', 'hidden');
    return;
  }
  const [x, y] = camera.pixel(hovered);
  ring.setAttribute('visibility', 'visible');
  ring.setAttribute('cx', x.toFixed(1));
  ring.setAttribute('cy', y.toFixed(1));
  ring.setAttribute('r', (look().radius + 4).toFixed(1));
}

function hover(i, withTip = true) {
  if (i !== hovered || !withTip) tip.hidden = true;
  hovered = i;
  placeRing();
  if (i < 0 || !withTip) return;
  const row = drawn[i];
  const parts = [element('strong', { textContent: titleOf(row) })];
  if (map.has_texts) parts.push(element('p', { textContent: shown(cut(textOf(row), LONGEST_TIP)), dir: 'auto' }));
  tip.replaceChildren(...parts, facts(row, FACTS_OF_TIP));
  tip.hidden = false;
  const [x, y] = camera.pixel(i);
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = x + 14 + width > camera.width ? x - 14 - width : x + 14;
  tip.style.left = `${Math.max(4, Math.min(left, camera.width - width - 4))}px`;
  tip.style.top = `${Math.max(4, Math.min(y + 12, camera.height - height - 4))}px`;
}

// Shows all of a row beside the map.
function pin(i) {
  byId('row').hidden = false;
  const row = drawn[i];
  byId('row-title').textContent = titleOf(row);
  const parts = [];
  if (map.has_texts) parts.push(element('p', { className: 'text', textContent: shown(textOf(row)) || '(no text)', dir: 'auto' }));
  byId('row-body').replaceChildren(...parts, facts(row));
  byId('panel').scrollTop = 0;
}

// The drawn point of a row.
const pointOf = new Int32Array(rows).fill(-1);
drawn.forEach((row, i) => { pointOf[row] = i; });

function list(into, found) {
  into.replaceChildren();
  for (const row of found.slice(0, LONGEST_LIST)) {
    const words = map.has_texts ? cut(textOf(row), 160) : columns.map((each) => each.text(row)).filter(Boolean).join(', ');
    const button = element('button', { type: 'button' }, element('b', { textContent: String(row) }), ' ', element('span', { textContent: shown(cut(words, 160)), dir: 'auto' }));
    button.onclick = () => {
      const i = pointOf[row];
      if (i < 0) return;
      const [x, y] = camera.pixel(i);
      if (x < 0 || y < 0 || x > camera.width || y > camera.height) camera.center(i);
      moved();
      hover(i, false);
      pin(i);
    };
    into.append(element('li', {}, button));
  }
  if (found.length > LONGEST_LIST) into.append(element('li', { className: 'more', textContent: `and ${count(found.length - LONGEST_LIST)} more` }));
}

// Rows in the order of the file.
let found = null;
let selected = [];

function light() {
  lit.of.fill(0);
  for (const row of found ?? []) if (pointOf[row] >= 0) lit.of[pointOf[row]] = 1;
  for (const row of selected) if (pointOf[row] >= 0) lit.of[pointOf[row]] = 1;
  lit.any = found !== null || selected.length > 0;
  const indices = [];
  for (let i = 0; i < drawn.length; i++) if (lit.of[i]) indices.push(i);
  lit.indices = Uint32Array.from(indices);
  painter?.relight();
  redraw();
}

function select(rowsOf) {
  selected = rowsOf.sort((a, b) => a - b);
  byId('selected-count').textContent = selected.length ? `${count(selected.length)} ${selected.length === 1 ? 'row' : 'rows'} selected` : 'No rows selected. Draw a loop with the lasso, or take all that is in view.';
  for (const id of ['as-csv', 'as-json', 'clear']) byId(id).disabled = selected.length === 0;
  list(byId('selected-rows'), selected);
  light();
}

// A search goes through the texts a slice at a time, so that typing is never held up.
const SLICE = 20000;
let searching = 0;

async function search(query) {
  const mine = ++searching;
  const words = query.trim();
  byId('take-found').disabled = true;
  if (!words) {
    found = null;
    byId('found').textContent = '';
    byId('found-rows').replaceChildren();
    light();
    return;
  }
  const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+'), 'iu');
  const hits = [];
  for (let start = 0; start < rows; start += SLICE) {
    for (let row = start; row < Math.min(rows, start + SLICE); row++) {
      const text = texts.of(row);
      if (text !== undefined && pattern.test(text)) hits.push(row);
    }
    await new Promise((next) => setTimeout(next));
    if (mine !== searching) return;
  }
  found = hits;
  byId('found').textContent = `${count(hits.length)} ${hits.length === 1 ? 'row contains' : 'rows contain'} “${shown(query.trim())}”`;
  byId('take-found').disabled = hits.length === 0;
  list(byId('found-rows'), hits);
  light();
}

const record = (row) => {
  const out = { row };
  for (let axis = 0; axis < map.dimensions; axis++) out['xyz'[axis]] = coordinates[row * map.dimensions + axis];
  for (const each of columns) {
    let name = each.name;
    while (Object.hasOwn(out, name)) name += '_';
    out[name] = each.value(row);
  }
  if (map.has_texts) out[Object.hasOwn(out, 'text') ? 'text_' : 'text'] = textOf(row);
  return out;
};

function save(name, kind, text) {
  const link = element('a', { href: URL.createObjectURL(new Blob([text], { type: kind })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function saveCsv() {
  const cell = (value) => {
    const text = value === null ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const records = selected.map(record);
  const lines = [Object.keys(records[0]), ...records.map(Object.values)].map((cells) => cells.map(cell).join(','));
  save('selected.csv', 'text/csv;charset=utf-8', `${lines.join('\r\n')}\r\n`);
}

const saveJson = () => save('selected.json', 'application/json', `${JSON.stringify(selected.map(record), null, 1)}\n`);
