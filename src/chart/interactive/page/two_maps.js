'use strict';
(() => {
  const rows = JSON.parse(document.getElementById('rows').textContent);
  const circles = rows.map(() => []);
  for (const circle of document.querySelectorAll('circle')) circles[circle.dataset.row].push(circle);
  const panel = document.getElementById('row');
  let marked = -1;
  let pinned = false;
  const mark = at => {
    if (at === marked) return;
    if (marked >= 0) for (const circle of circles[marked]) circle.classList.remove('marked');
    marked = at;
    if (at < 0) return;
    for (const circle of circles[at]) {
      circle.classList.add('marked');
      circle.parentNode.append(circle);
    }
    const [row, share, text] = rows[at];
    const title = document.createElement('h2');
    title.textContent = `Row ${row}: ${share} of its nearest rows in common`;
    const body = document.createElement('p');
    body.dir = 'auto';
    body.textContent = text ?? '';
    panel.replaceChildren(title, body);
  };
  const rowOf = event => event.target.dataset?.row === undefined ? -1 : Number(event.target.dataset.row);
  for (const map of document.querySelectorAll('svg.map')) {
    map.addEventListener('pointerover', event => {
      const row = rowOf(event);
      if (row >= 0 && !pinned) mark(row);
    });
    map.addEventListener('click', event => {
      const row = rowOf(event);
      pinned = row >= 0;
      if (pinned) mark(row);
    });
  }
  document.getElementById('search').addEventListener('input', event => {
    const wanted = event.target.value.toLowerCase();
    rows.forEach(([, , text], at) => {
      const faded = wanted !== '' && !(text ?? '').toLowerCase().includes(wanted);
      for (const circle of circles[at]) circle.classList.toggle('faded', faded);
    });
  });
})();
