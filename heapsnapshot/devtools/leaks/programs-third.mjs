// The third set: written after the rules were frozen for the second time, without running the finder, and committed
// before it ever ran on it. Closer to production than the other two: every program runs inside an application with a
// heap of its own (a catalogue, a cache at its bound, requests in flight, an index that is built anew, metrics), and the
// load between snapshots is uneven. Same form as programs.mjs.

/** Requests before the first snapshot, between the first and second, and between the second and third. */
export const LOADS = [600, 300, 700];

/** The application around every program: healthy, and much larger than what leaks. */
export function application(n) {
  const [catalog, product, price, recent, entry, flight, request, index, counters, serve, rand] = [
    n.variable(), n.type(), n.type(), n.variable(), n.type(), n.variable(), n.type(), n.variable(), n.variable(), n.variable(), n.variable()];
  return `
class ${price} { constructor(i) { this.net = i * 1.19; this.currency = 'EUR'; } }
class ${product} { constructor(i) { this.sku = 'sku-' + i; this.prices = [new ${price}(i), new ${price}(i + 1)]; this.tags = ['t' + i % 17, 't' + i % 31]; this.stock = { here: i % 7, there: i % 11 }; } }
const ${catalog} = new Map(); for (let i = 0; i < 4000; i++) ${catalog}.set('sku-' + i, new ${product}(i));
class ${entry} { constructor(key) { this.key = key; this.body = 'rendered ' + key; this.hits = 0; } }
const ${recent} = new Map();
class ${request} { constructor(i) { this.id = i; this.headers = { host: 'h' + i % 5, agent: 'a' + i % 3 }; this.parts = [i, i + 1]; } }
let ${flight} = []; let ${index} = new Map(); const ${counters} = {}; let seed = 12345; let served = 0;
function ${rand}(m) { seed = (seed * 48271) % 2147483647; return seed % m; }
function ${serve}() {
  const r = new ${request}(served++); ${flight}.push(r);
  if (${flight}.length > 20 + ${rand}(60)) ${flight}.splice(0, 10 + ${rand}(10));
  const key = 'page ' + ${rand}(3000);
  const known = ${recent}.get(key); if (known) { known.hits++; ${recent}.delete(key); ${recent}.set(key, known); }
  else { ${recent}.set(key, new ${entry}(key)); if (${recent}.size > 250) ${recent}.delete(${recent}.keys().next().value); }
  const route = '/r' + ${rand}(12); ${counters}[route] = (${counters}[route] || 0) + 1;
  if (served % 97 === 0) { const next = new Map(); const rows = 900 + ${rand}(120); for (let i = 0; i < rows; i++) next.set('w' + i, [i, ${rand}(4000)]); ${index} = next; }
}
function background(n) { for (let k = 0; k < n; k++) ${serve}(); }
background(900);
`;
}

/** Leaks: name of the pattern → maker of {source, truth}. */
export const LEAKS = {
  // A route is registered by every request that comes.
  router(n) {
    const [router, routes, layer, handle] = [n.type(), n.variable(), n.type(), n.variable()];
    return {
      source: `class ${layer} { constructor(path, ${handle}) { this.path = path; this.${handle} = ${handle}; this.keys = []; } }
        class ${router} { constructor() { this.${routes} = []; } use(path, f) { this.${routes}.push(new ${layer}(path, f)); } }
        const app = new ${router}(); function step(n) { for (let k = 0; k < n / 3; k++) app.use('/static', () => k); }`,
      truth: { owner: routes, classes: [layer] },
    };
  },
  // A topic for every user, each with its subscribers; topics are never closed.
  topics(n) {
    const [topics, subscriber, word] = [n.variable(), n.variable(), n.variable()];
    return {
      source: `const ${topics} = new Map(); let users = 0;
        function subscribe(topic, user) { let set = ${topics}.get(topic); if (!set) ${topics}.set(topic, set = new Set()); set.add(function ${subscriber}(m) { return [user, m]; }); }
        function step(n) { for (let k = 0; k < n / 2; k++) { const user = { id: users++, name: '${word}' + k }; subscribe('user/' + user.id, user); } }`,
      truth: { owner: topics, classes: ['Set', `function ${subscriber}`] },
    };
  },
  // Results remembered by their arguments as text, which differ nearly always.
  memoize(n) {
    const [memo, result, compute] = [n.variable(), n.type(), n.variable()];
    return {
      source: `class ${result} { constructor(a, b) { this.sum = a + b; this.steps = [a, b, a * b]; } }
        function memoize(f) { const ${memo} = new Map(); return (...args) => { const key = JSON.stringify(args); if (!${memo}.has(key)) ${memo}.set(key, f(...args)); return ${memo}.get(key); }; }
        const ${compute} = memoize((a, b) => new ${result}(a, b)); let at = 0;
        function step(n) { for (let k = 0; k < n; k++) ${compute}(at++ % 5 ? at : 1, 7); }`,
      truth: { owner: memo, classes: [result] },
    };
  },
  // A log in chunks of a hundred entries; full chunks are kept.
  chunks(n) {
    const [log, chunks, chunk, line] = [n.type(), n.variable(), n.type(), n.type()];
    return {
      source: `class ${line} { constructor(i) { this.at = i; this.text = 'request ' + i + ' was served'; } }
        class ${chunk} { constructor() { this.lines = []; } }
        class ${log} { constructor() { this.${chunks} = [new ${chunk}()]; } add(l) { let c = this.${chunks}[this.${chunks}.length - 1]; if (c.lines.length === 100) this.${chunks}.push(c = new ${chunk}()); c.lines.push(l); } }
        const audit = new ${log}(); let i = 0; function step(n) { for (let k = 0; k < n; k++) audit.add(new ${line}(i++)); }`,
      truth: { owner: chunks, also: [log], classes: [line, chunk] },
    };
  },
  // A prefix tree of everything that was ever searched for.
  trie(n) {
    const [searched, node, below] = [n.variable(), n.type(), n.variable()];
    return {
      source: `class ${node} { constructor() { this.${below} = new Map(); this.count = 0; } }
        const ${searched} = new ${node}(); let q = 0;
        function learn(text) { let at = ${searched}; for (const c of text) { let next = at.${below}.get(c); if (!next) at.${below}.set(c, next = new ${node}()); at = next; } at.count++; }
        function step(n) { for (let k = 0; k < n / 4; k++) { q = (q * 48271 + 11) % 2147483647; learn(q.toString(36)); } }`,
      truth: { owner: searched, also: [below], classes: [node, 'Map'] },
    };
  },
  // Sixty devices that live long, each with a few listeners more all the time.
  devices(n) {
    const [devices, device, event, handler] = [n.variable(), n.type(), n.variable(), n.variable()];
    return {
      source: `const { EventEmitter } = require('events'); class ${device} extends EventEmitter { constructor(i) { super(); this.serial = i; this.setMaxListeners(0); this.on('${event}', () => i); this.on('${event}', () => -i); } }
        const ${devices} = []; for (let i = 0; i < 60; i++) ${devices}.push(new ${device}(i)); let i = 0;
        function watch(client) { ${devices}[i++ % 60].on('${event}', function ${handler}() { return client; }); }
        function step(n) { for (let k = 0; k < n; k++) watch({ id: i, address: '10.0.0.' + k % 250 }); }`,
      truth: { owner: devices, also: [event], classes: [`function ${handler}`] },
    };
  },
  // Data about five tenants in a WeakMap; the tenants live for ever, and what is noted of them grows.
  tenantNotes(n) {
    const [notes, tenants, tenant, note] = [n.variable(), n.variable(), n.type(), n.type()];
    return {
      source: `class ${tenant} { constructor(i) { this.name = 'tenant ' + i; } } class ${note} { constructor(i) { this.i = i; this.text = 'note ' + i; } }
        const ${tenants} = [0, 1, 2, 3, 4].map((i) => new ${tenant}(i)); const ${notes} = new WeakMap(); for (const t of ${tenants}) ${notes}.set(t, []); let i = 0;
        function step(n) { for (let k = 0; k < n; k++) ${notes}.get(${tenants}[i % 5]).push(new ${note}(i++)); }`,
      truth: { owner: notes, also: [tenants, tenant], classes: [note] },
    };
  },
  // Proxies of rows, kept for change detection.
  proxies(n) {
    const [watched, row] = [n.variable(), n.type()];
    return {
      source: `class ${row} { constructor(i) { this.i = i; this.cells = [i, i, i]; } } const ${watched} = new Set(); const handler = { set(t, k, v) { t[k] = v; return true; } };
        function step(n) { for (let k = 0; k < n / 2; k++) { const p = new Proxy(new ${row}(k), handler); p.i = k + 1; ${watched}.add(p); } }`,
      truth: { owner: watched, classes: ['Proxy', 'Object', row] },
    };
  },
  // A text that is only ever added to.
  transcript(n) {
    const [transcript, word] = [n.variable(), n.variable()];
    return {
      source: `let ${transcript} = ''; let i = 0; function step(n) { for (let k = 0; k < n; k++) ${transcript} += '${word} number ' + i++ + ' said something of some length\\n'; }`,
      truth: { owner: transcript, classes: ['(concatenated string)', '(string)'] },
    };
  },
  // Every failure has the one before it as its cause.
  causes(n) {
    const [lastFailure, type] = [n.variable(), n.type()];
    return {
      source: `class ${type} extends Error {} let ${lastFailure} = null; Error.stackTraceLimit = 3;
        function fail(i) { ${lastFailure} = new ${type}('attempt ' + i, { cause: ${lastFailure} }); }
        function step(n) { for (let k = 0; k < n / 2; k++) fail(k); }`,
      truth: { owner: lastFailure, classes: [type, 'Error'] },
    };
  },
  // Samples of sensors, as typed arrays.
  samples(n) {
    const [series, key] = [n.variable(), n.variable()];
    return {
      source: `const ${series} = new Map(); let i = 0; function step(n) { for (let k = 0; k < n / 2; k++) { const a = new Float64Array(64); a[0] = i; ${series}.set('${key}' + i++, a); } }`,
      truth: { owner: series, classes: ['Float64Array', 'ArrayBuffer'] },
    };
  },
  // A debounced function for every user who ever typed.
  debounced(n) {
    const [perUser, debounced, state] = [n.variable(), n.variable(), n.type()];
    return {
      source: `class ${state} { constructor() { this.timer = null; this.calls = 0; this.last = [0, 0]; } }
        function debounce(f) { const state = new ${state}(); return function ${debounced}(...a) { state.calls++; state.last = a; return f; }; }
        const ${perUser} = {}; let u = 0; function step(n) { for (let k = 0; k < n / 2; k++) { const f = ${perUser}['u' + u] = debounce(() => u); f(u, k); u++; } }`,
      truth: { owner: perUser, classes: [`function ${debounced}`, state] },
    };
  },
  // States of an editor, each built from the one before, all in its history.
  history(n) {
    const [editor, past, state] = [n.type(), n.variable(), n.type()];
    return {
      source: `class ${state} { constructor(before, i) { this.lines = before ? before.lines.slice(-20).concat('line ' + i) : []; this.cursor = { row: i, column: 0 }; } }
        class ${editor} { #now = new ${state}(null, 0); #${past} = []; type(i) { this.#${past}.push(this.#now); this.#now = new ${state}(this.#now, i); } get depth() { return this.#${past}.length; } }
        const open = new ${editor}(); let i = 0; function step(n) { for (let k = 0; k < n / 2; k++) open.type(i++); }`,
      truth: { owner: past, also: [editor], classes: [state] },
    };
  },
};

/** Healthy programs: nothing may be reported. */
export const HEALTHY = {
  // Nothing but the application.
  application() { return `function step() {}`; },
  // Sessions that end 200 requests after their last use.
  timeToLive(n) {
    const [sessions, session] = [n.variable(), n.type()];
    return `class ${session} { constructor(i) { this.user = { id: i, cart: [i] }; this.seen = i; } } const ${sessions} = new Map(); let now = 0;
      function step(n) { for (let k = 0; k < n; k++) { now++; const id = now % 3 ? now : now - 1; if (!${sessions}.has(id)) ${sessions}.set(id, new ${session}(now));
        for (const [key, s] of ${sessions}) { if (now - s.seen < 200) break; ${sessions}.delete(key); } } }`;
  },
  // A cache with its own list of cells, at its bound.
  linkedLru(n) {
    const [cache, cell, map, newer, older] = [n.type(), n.type(), n.variable(), n.variable(), n.variable()];
    return `class ${cell} { constructor(k, v) { this.k = k; this.v = v; this.${newer} = null; this.${older} = null; } }
      class ${cache} { constructor(most) { this.most = most; this.${map} = new Map(); this.head = null; this.tail = null; }
        put(k, v) { const c = new ${cell}(k, v); this.${map}.set(k, c); c.${older} = this.head; if (this.head) this.head.${newer} = c; this.head = c; if (!this.tail) this.tail = c;
          if (this.${map}.size > this.most) { const old = this.tail; this.tail = old.${newer}; this.tail.${older} = null; old.${newer} = null; this.${map}.delete(old.k); } } }
      const pages = new ${cache}(220); let i = 0; function step(n) { for (let k = 0; k < n; k++) pages.put('p' + i++, { html: 'page ' + i }); }`;
  },
  // Counts of the last thirty periods.
  slidingWindow(n) {
    const [window, bucket] = [n.variable(), n.type()];
    return `class ${bucket} { constructor(at) { this.at = at; this.byRoute = new Map(); } } const ${window} = []; let t = 0;
      function step(n) { for (let k = 0; k < n; k++) { if (t++ % 20 === 0) { ${window}.push(new ${bucket}(t)); if (${window}.length > 30) ${window}.shift(); }
        const m = ${window}[${window}.length - 1].byRoute; m.set('r' + t % 9, (m.get('r' + t % 9) || 0) + 1.5); } }`;
  },
  // Events sent off five hundred at a time.
  flush(n) {
    const [buffer, event] = [n.variable(), n.type()];
    return `class ${event} { constructor(i) { this.i = i; this.name = 'event ' + i; this.props = { a: i }; } } let ${buffer} = []; let sent = 0; let i = 0;
      function step(n) { for (let k = 0; k < n; k++) { ${buffer}.push(new ${event}(i++)); if (${buffer}.length >= 500) { sent += ${buffer}.length; ${buffer} = []; } } }`;
  },
  // Templates compiled when first used; all are by the second snapshot.
  templates(n) {
    const [compiled, render] = [n.variable(), n.variable()];
    return `const ${compiled} = new Map(); let i = 0;
      function ${render}(name, data) { let f = ${compiled}.get(name); if (!f) ${compiled}.set(name, f = new Function('d', 'return "<p>${render} ' + name + '" + d.x + "</p>"')); return f(data); }
      let bytes = 0; function step(n) { for (let k = 0; k < n; k++) bytes += ${render}('t' + i++ % 700, { x: k }).length; }`;
  },
  // ES modules imported as they are needed.
  imports(n) {
    const dir = n.variable();
    return `const fs = require('fs'), os = require('os'), path = require('path'), url = require('url');
      const dir = fs.mkdtempSync(path.join(os.tmpdir(), '${dir}-')); let i = 0; process.on('exit', () => fs.rmSync(dir, { recursive: true }));
      async function step(n) { for (let k = 0; k < n / 10; k++) { const file = path.join(dir, 'm' + i++ + '.mjs');
        fs.writeFileSync(file, 'export const table = [' + i + ', 2]; export function f' + i + '(a) { return a + table[0]; }'); await import(url.pathToFileURL(file).href); } }`;
  },
  // Jobs with timeouts that are cleared when the work is done, some in flight. (At its first run the timers were also
  // unref'ed, of which Node keeps a list for each distinct duration: it leaked, and the finder said so.)
  retries(n) {
    const [jobs, job] = [n.variable(), n.type()];
    return `class ${job} { constructor(i) { this.i = i; this.attempts = 0; this.timer = setTimeout(() => this.attempts++, 1e6 + i); } end() { clearTimeout(this.timer); } } const ${jobs} = []; let i = 0;
      function step(n) { for (let k = 0; k < n; k++) { ${jobs}.push(new ${job}(i++)); if (${jobs}.length > 35) ${jobs}.shift().end(); } }`;
  },
  // Objects cached weakly; dead ones are swept at the end of each period.
  weakCache(n) {
    const [cache, item] = [n.variable(), n.type()];
    return `class ${item} { constructor(i) { this.i = i; this.data = [i, i]; } } const ${cache} = new Map(); let i = 0;
      function step(n) { for (const [k, r] of ${cache}) if (!r.deref()) ${cache}.delete(k); for (let k = 0; k < 200; k++) ${cache}.set('k' + i % 200, new WeakRef(new ${item}(i++))); }`;
  },
  // A table read anew every round, a few rows more or less each time; the one before is kept for comparison.
  table(n) {
    const [now, before, row] = [n.variable(), n.variable(), n.type()];
    return `class ${row} { constructor(i) { this.i = i; this.name = 'row ' + i; this.cells = [i, 'c' + i]; } } let ${now} = null; let ${before} = null; let round = 0;
      const sizes = [2000, 2050, 1990, 2080];
      function step() { ${before} = ${now}; const rows = sizes[round++ % 4]; ${now} = Array.from({ length: rows }, (_, i) => new ${row}(i)); }`;
  },
};
