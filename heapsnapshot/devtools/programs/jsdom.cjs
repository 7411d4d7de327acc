// Documents with styles, listeners and custom data, as a server that renders pages keeps them.
'use strict';
const {JSDOM} = require('jsdom');

module.exports = async function(times) {
  const pages = [];
  for (let n = 0; n < times; ++n) {
    let rows = '';
    for (let row = 0; row < 30; ++row) {
      rows += `<tr id="r${row}" class="row ${row % 2 ? 'odd' : 'even'}" data-key="${n}-${row}"><td>${row}</td><td><a href="/item/${row}">item ${row}</a></td></tr>`;
    }
    const page = new JSDOM(`<!doctype html><title>page ${n}</title><style>.odd{color:red}</style><table>${rows}</table>`, {url: `https://example.org/${n}`});
    const {document} = page.window;
    for (const cell of document.querySelectorAll('td')) {
      cell.addEventListener('click', event => event.target.dataset.count = n);
    }
    document.getElementById('r3').remove();
    pages.push(page);
  }
  return pages;
};
