// The colours, and what they show and hide.

const columns = map.columns;
let column = columns[map.color_by] ?? null;
const isNumbers = () => column?.kind === 'numbers';

function paintCodes() {
  for (let i = 0; i < drawn.length; i++) codes[i] = column ? column.code(drawn[i]) : 0;
}

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// Looks of all codes in the current theme; what is hidden has no opacity.
function paintPalette() {
  const theme = dark() ? 'dark' : 'light';
  const set = (code, hex, visible) => {
    palette.colors.set([...channels(hex), visible ? 255 : 0], code * 4);
    palette.visible[code] = visible ? 1 : 0;
  };
  palette.visible.fill(0);
  if (!column) set(0, map.accent[theme], true);
  else if (isNumbers()) {
    const { from, to, missing } = column.filter;
    map.ramp[theme].forEach((hex, code) => set(code, hex, code >= from && code <= to));
    set(MISSING, map.rest[theme], missing);
  } else column.entries.forEach((entry, code) => set(code, entry[theme], !column.hidden.has(code)));
}

function recolor() {
  paintPalette();
  painter?.recolor();
  showVisible();
  redraw();
}

function showVisible() {
  let visible = 0;
  for (let i = 0; i < drawn.length; i++) visible += palette.visible[codes[i]];
  byId('visible').textContent = visible === rows ? `${count(rows)} rows` : `${count(visible)} of ${count(rows)} rows shown`;
}

for (const each of columns) {
  each.hidden = new Set();
  each.filter = { from: 0, to: STEPS - 1, missing: true };
}

function showLegend() {
  const legend = byId('legend');
  legend.replaceChildren();
  if (!column) return;
  legend.append(isNumbers() ? ramp() : categories());
}

const swatch = (entry) => {
  const made = element('i', { className: 'swatch' });
  made.style.setProperty('--light-color', entry.light);
  made.style.setProperty('--dark-color', entry.dark);
  return made;
};

function categories() {
  const boxes = [];
  const every = () => column.entries.map((_, code) => code);
  const hide = (codes) => {
    column.hidden = new Set(codes);
    boxes.forEach((box, code) => { box.checked = !column.hidden.has(code); });
    recolor();
  };
  const list = element('ul', { className: 'entries' });
  column.entries.forEach((entry, code) => {
    const box = element('input', { type: 'checkbox', checked: !column.hidden.has(code) });
    box.onchange = () => {
      if (box.checked) column.hidden.delete(code);
      else column.hidden.add(code);
      recolor();
    };
    boxes.push(box);
    const name = shown(entry.name) || '(empty)';
    const only = element('button', { type: 'button', className: 'only', textContent: 'only', 'aria-label': `Show only ${name}` });
    only.onclick = () => hide(every().filter((other) => other !== code));
    list.append(
      element('li', {}, element('label', {}, box, swatch(entry), element('span', { className: 'name', dir: 'auto', textContent: name, title: name }), element('span', { className: 'number', textContent: count(entry.count) })), only),
    );
  });
  const all = element('button', { type: 'button', textContent: 'Show all' });
  all.onclick = () => hide([]);
  const none = element('button', { type: 'button', textContent: 'Hide all' });
  none.onclick = () => hide(every());
  return element('div', {}, list, element('div', { className: 'buttons' }, all, none));
}

function ramp() {
  const { filter } = column;
  const value = (code) => column.low + ((column.high - column.low) * code) / (STEPS - 1);
  // The ends of the ramp hold what lies beyond them too.
  const written = (code) => {
    const beyond = code === 0 && column.least < column.low ? '≤ ' : code === STEPS - 1 && column.most > column.high ? '≥ ' : '';
    return beyond + (column.unit ? time(value(code) * column.unit) : Number(value(code).toPrecision(4)).toLocaleString('en', { maximumSignificantDigits: 6 }));
  };
  const bar = element('div', { className: 'ramp' });
  for (const theme of ['light', 'dark']) bar.style.setProperty(`--${theme}-ramp`, `linear-gradient(to right, ${map.ramp[theme].filter((_, i) => i % 10 === 0).join(', ')})`);
  const ends = element('div', { className: 'ends' }, element('span', { textContent: written(0) }), element('span', { textContent: written(STEPS - 1) }));
  const slider = (key, label) => {
    const said = element('output', { textContent: written(filter[key]) });
    const input = element('input', { type: 'range', min: 0, max: STEPS - 1, value: filter[key] });
    input.oninput = () => {
      filter[key] = Number(input.value);
      said.textContent = written(filter[key]);
      input.setAttribute('aria-valuetext', said.textContent);
      recolor();
    };
    return element('label', { className: 'slider' }, element('span', { textContent: label }), input, said);
  };
  const parts = [bar, ends, slider('from', 'from'), slider('to', 'to')];
  if (column.missing > 0) {
    const box = element('input', { type: 'checkbox', checked: filter.missing });
    box.onchange = () => {
      filter.missing = box.checked;
      recolor();
    };
    parts.push(element('label', { className: 'missing' }, box, swatch({ light: map.rest.light, dark: map.rest.dark }), element('span', { className: 'name', textContent: 'no number' }), element('span', { className: 'number', textContent: count(column.missing) })));
  }
  return element('div', {}, ...parts);
}

const choice = byId('color');
columns.forEach((each, index) => choice.append(element('option', { value: index, textContent: shown(each.name), selected: each === column })));
choice.onchange = () => {
  column = columns[Number(choice.value)];
  paintCodes();
  showLegend();
  recolor();
};
