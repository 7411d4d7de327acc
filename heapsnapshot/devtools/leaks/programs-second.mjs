// The second set: written after the rules of `leaks` were frozen, without looking at them, and committed before
// the finder ever ran on it. Same form as programs.mjs: names from the seed, `step(n)` is the load between two
// snapshots, `truth.owner` (or any of `truth.also`) must be in the finding's owner or path, and its class must be
// one of `truth.classes`.

/** Leaks: name of the pattern → maker of {source, truth}. */
export const LEAKS = {
  // Answers that never come: promises whose reactions hold the request.
  promises(n) {
    const [waiting, type, field, reaction] = [n.variable(), n.type(), n.variable(), n.variable()];
    return {
      source: `class ${type} { constructor(i) { this.${field} = 'request ' + i; } }
        const ${waiting} = [];
        function ask(i) { const request = new ${type}(i); const answer = new Promise(() => {});
          answer.then(function ${reaction}() { return request; }); ${waiting}.push(answer); }
        function step(n) { for (let k = 0; k < n; k++) ask(k); }`,
      truth: { owner: waiting, classes: ['Promise', type, `function ${reaction}`] },
    };
  },
  // A listener on `process` for every request.
  processListeners(n) {
    const [event, handler, type] = [n.variable(), n.variable(), n.type()];
    return {
      source: `class ${type} { constructor(i) { this.id = i; this.tags = [i, i]; } }
        process.setMaxListeners(0);
        function serve(i) { const request = new ${type}(i); process.on('${event}', function ${handler}() { return request; }); }
        function step(n) { for (let k = 0; k < n; k++) serve(k); }`,
      truth: { owner: event, also: ['process'], classes: [`function ${handler}`, type] },
    };
  },
  // A plain object used as a dictionary.
  dictionary(n) {
    const [index, type, key, field] = [n.variable(), n.type(), n.variable(), n.variable()];
    return {
      source: `class ${type} { constructor(i) { this.${field} = i; this.name = '${key} number ' + i; } }
        const ${index} = {}; let i = 0;
        function step(n) { for (let k = 0; k < n; k++) { ${index}['${key}-' + i] = new ${type}(i); i++; } }`,
      truth: { owner: index, classes: [type] },
    };
  },
  // Connections that are never taken out of the set of open ones.
  sockets(n) {
    const open = n.variable();
    return {
      source: `const net = require('net'); const ${open} = new Set();
        function step(n) { for (let k = 0; k < n / 4; k++) { const s = new net.Socket(); s.on('error', () => {}); ${open}.add(s); } }`,
      truth: { owner: open, classes: ['Socket'] },
    };
  },
  // Rows of a table that only grows.
  arrays(n) {
    const [grid, word] = [n.variable(), n.variable()];
    return {
      source: `const ${grid} = [];
        function step(n) { for (let k = 0; k < n; k++) ${grid}.push([k, k / 3, '${word} ' + k, [k]]); }`,
      truth: { owner: grid, classes: ['Array'] },
    };
  },
  // Every instance registers itself in a static list of its class.
  registry(n) {
    const [type, all, field] = [n.type(), n.variable(), n.variable()];
    return {
      source: `class ${type} { static ${all} = []; constructor(i) { this.${field} = { i }; ${type}.${all}.push(this); } }
        function step(n) { for (let k = 0; k < n; k++) new ${type}(k); }`,
      truth: { owner: all, classes: [type] },
    };
  },
  // Middleware wrapped around middleware, for every call anew.
  chain(n) {
    const [current, wrapper, held] = [n.variable(), n.variable(), n.variable()];
    return {
      source: `let ${current} = () => 0;
        function wrap(i) { const before = ${current}; const ${held} = ['layer', i];
          ${current} = function ${wrapper}() { return before() + ${held}.length; }; }
        function step(n) { for (let k = 0; k < n; k++) wrap(k); }`,
      truth: { owner: current, classes: [`function ${wrapper}`] },
    };
  },
  // A log of errors, each with its stack.
  errors(n) {
    const [failures, type, fail] = [n.variable(), n.type(), n.variable()];
    return {
      source: `class ${type} extends Error { constructor(i) { super('failed at ' + i); this.attempt = i; } }
        const ${failures} = []; function ${fail}(i) { throw new ${type}(i); }
        function step(n) { for (let k = 0; k < n; k++) { try { ${fail}(k); } catch (e) { e.stack; ${failures}.push(e); } } }`,
      truth: { owner: failures, classes: [type, 'Error'] },
    };
  },
  // Cursors that nobody reads to their end.
  generators(n) {
    const [cursors, scan, page] = [n.variable(), n.variable(), n.variable()];
    return {
      source: `const ${cursors} = new Map(); let i = 0;
        function* ${scan}(from) { const ${page} = new Array(20).fill(from); for (const row of ${page}) yield row; }
        function step(n) { for (let k = 0; k < n; k++) { const c = ${scan}(i); c.next(); ${cursors}.set(i++, c); } }`,
      truth: { owner: cursors, classes: ['Generator', scan] },
    };
  },
  // One signal for the life of the process, a listener for every task.
  abort(n) {
    const [controller, handler, type] = [n.variable(), n.variable(), n.type()];
    return {
      source: `class ${type} { constructor(i) { this.id = i; this.text = 'task ' + i; } }
        const ${controller} = new AbortController(); require('events').setMaxListeners(0, ${controller}.signal);
        function run(i) { const task = new ${type}(i); ${controller}.signal.addEventListener('abort', function ${handler}() { return task; }); }
        function step(n) { for (let k = 0; k < n; k++) run(k); }`,
      truth: { owner: controller, also: ['AbortSignal'], classes: [`function ${handler}`, 'Listener', type] },
    };
  },
  // Async resources kept, each with the store of its request.
  contexts(n) {
    const [kept, storage, type] = [n.variable(), n.variable(), n.type()];
    return {
      source: `const { AsyncLocalStorage, AsyncResource } = require('async_hooks');
        class ${type} { constructor(i) { this.user = 'user ' + i; this.rights = [i, i]; } }
        const ${storage} = new AsyncLocalStorage(); const ${kept} = [];
        function step(n) { for (let k = 0; k < n; k++) ${storage}.run(new ${type}(k), () => ${kept}.push(new AsyncResource('WORK'))); }`,
      truth: { owner: kept, classes: ['AsyncResource', type] },
    };
  },
  // A few bytes of each message are kept, and with them the whole message.
  slices(n) {
    const heads = n.variable();
    return {
      source: `const ${heads} = [];
        function step(n) { for (let k = 0; k < n; k++) { const message = Buffer.allocUnsafeSlow(2000).fill(k & 255); ${heads}.push(message.subarray(0, 8)); } }`,
      truth: { owner: heads, classes: ['Buffer', 'FastBuffer', 'Uint8Array', 'ArrayBuffer'] },
    };
  },
  // A fixed number of tenants, each with a map that grows.
  nested(n) {
    const [tenants, type, name] = [n.variable(), n.type(), n.variable()];
    return {
      source: `class ${type} { constructor(i) { this.mail = i + '@${name}'; this.visits = { first: i, last: i }; } }
        const ${tenants} = new Map(); let i = 0;
        function step(n) { for (let k = 0; k < n; k++) { const t = '${name}' + i % 8;
          if (!${tenants}.has(t)) ${tenants}.set(t, new Map()); ${tenants}.get(t).set(i, new ${type}(i)); i++; } }`,
      truth: { owner: tenants, classes: [type] },
    };
  },
  // Timeouts far ahead, each with a time of its own.
  linkedTimers(n) {
    const [retry, type] = [n.variable(), n.type()];
    return {
      source: `class ${type} { constructor(i) { this.i = i; this.body = 'job ' + i; } } let i = 0;
        function plan(i) { const job = new ${type}(i); setTimeout(function ${retry}() { return job; }, 1e7 + i).unref(); }
        function step(n) { for (let k = 0; k < n; k++) plan(i++); }`,
      truth: { owner: 'TimersList', also: ['Timeout', 'timerListMap', retry], classes: ['Timeout', 'TimersList', `function ${retry}`, type] },
    };
  },
  // A private field of a service that lives as long as the process.
  privateField(n) {
    const [service, items, type, held] = [n.type(), n.variable(), n.type(), n.variable()];
    return {
      source: `class ${type} { constructor(i) { this.text = 'message ' + i; } }
        class ${service} { #${items} = []; take(i) { this.#${items}.push(new ${type}(i)); } get size() { return this.#${items}.length; } }
        const ${held} = new ${service}(); function step(n) { for (let k = 0; k < n; k++) ${held}.take(k); }`,
      truth: { owner: items, also: [held, service], classes: [type] },
    };
  },
  // The objects are weakly held, but not their keys and wrappers.
  weakRefs(n) {
    const [cache, type, key] = [n.variable(), n.type(), n.variable()];
    return {
      source: `class ${type} { constructor(i) { this.i = i; } } const ${cache} = new Map(); let i = 0;
        function step(n) { for (let k = 0; k < n; k++) { ${cache}.set('${key}/' + i, new WeakRef(new ${type}(i))); i++; } }`,
      truth: { owner: cache, classes: ['WeakRef', '(string)'] },
    };
  },
  // A forgotten global.
  globals(n) {
    const [global, type] = [n.variable(), n.type()];
    return {
      source: `class ${type} { constructor(i) { this.at = i; this.sql = 'select ' + i; } }
        globalThis.${global} = []; function step(n) { for (let k = 0; k < n; k++) globalThis.${global}.push(new ${type}(k)); }`,
      truth: { owner: global, classes: [type] },
    };
  },
};

/** Healthy programs: nothing may be reported. */
export const HEALTHY = {
  // Strings interned once, at the start.
  interning(n) {
    const [table, word] = [n.variable(), n.variable()];
    return `const ${table} = new Map(); for (let i = 0; i < 3000; i++) ${table}.set('${word}' + i, { id: i });
      let hits = 0; function step(n) { for (let k = 0; k < n; k++) hits += ${table}.has('${word}' + (k * 7) % 4000) ? 1 : 0; }`;
  },
  // A batch that is written out when it is full: 400, then 800, then 200 entries at the snapshots.
  batches(n) {
    const [batch, type] = [n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.i = i; this.line = 'line ' + i; } } let ${batch} = []; let written = 0;
      function step(n) { for (let k = 0; k < n; k++) { ${batch}.push(new ${type}(k)); if (${batch}.length === 1000) { written += ${batch}.length; ${batch} = []; } } }`;
  },
  // The last 256 events, older ones overwritten.
  ring(n) {
    const [ring, type] = [n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.i = i; this.what = 'event ' + i; } } const ${ring} = new Array(256).fill(null); let at = 0;
      function step(n) { for (let k = 0; k < n; k++) ${ring}[at++ % 256] = new ${type}(at); }`;
  },
  // A free list whose peak comes in the second round and then holds.
  freeList(n) {
    const [free, type] = [n.variable(), n.type()];
    return `class ${type} { constructor() { this.rows = new Array(40).fill(0); } } const ${free} = []; let round = 0;
      function step(n) { const peak = round++ === 0 ? 150 : 200; const taken = [];
        for (let k = 0; k < n; k++) { taken.push(${free}.pop() ?? new ${type}()); if (taken.length === peak) ${free}.push(...taken.splice(0)); } ${free}.push(...taken); }`;
  },
  // Results kept for a finite number of arguments, asked in random order.
  memo(n) {
    const [memo, compute] = [n.variable(), n.variable()];
    return `const ${memo} = new Map(); let x = 1; function ${compute}(a) { return { a, squares: [a * a, a * a * a] }; }
      function step(n) { for (let k = 0; k < n; k++) { x = (x * 48271) % 2147483647; const a = x % 150; if (!${memo}.has(a)) ${memo}.set(a, ${compute}(a)); } }`;
  },
  // An index built anew from the same rows every round.
  rebuild(n) {
    const [index, type] = [n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.i = i; this.words = ['a' + i, 'b' + i]; } } let ${index} = new Map();
      function step(n) { const next = new Map(); for (let k = 0; k < 2 * n; k++) next.set('row' + k, new ${type}(k)); ${index} = next; }`;
  },
  // Records through a transform with a small high-water mark.
  streams(n) {
    const [type, sum] = [n.type(), n.variable()];
    return `const { Readable, Transform, Writable, pipeline } = require('stream'); let ${sum} = 0;
      class ${type} { constructor(i) { this.i = i; this.text = 'record ' + i; } }
      function* records(n) { for (let i = 0; i < n; i++) yield new ${type}(i); }
      function step(n) { pipeline(Readable.from(records(n / 8), { highWaterMark: 4 }),
        new Transform({ objectMode: true, highWaterMark: 4, transform(r, _, done) { done(null, r.text.length); } }),
        new Writable({ objectMode: true, highWaterMark: 4, write(l, _, done) { ${sum} += l; done(); } }), () => {}); }`;
  },
  // Sessions that end 300 requests after their beginning.
  sessions(n) {
    const [sessions, type] = [n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.born = i; this.user = { name: 'user ' + i }; } } const ${sessions} = new Map(); let now = 0;
      function step(n) { for (let k = 0; k < n; k++) { ${sessions}.set('s' + now, new ${type}(now)); now++;
        for (const [id, s] of ${sessions}) { if (s.born + 300 >= now) break; ${sessions}.delete(id); } } }`;
  },
  // A timer that is put off again and again.
  debounce(n) {
    const [timer, last] = [n.variable(), n.variable()];
    return `let ${timer}; let ${last}; function touch(i) { clearTimeout(${timer}); ${last} = { i }; ${timer} = setTimeout(() => ${last}, 1e6 + i); ${timer}.unref(); }
      function step(n) { for (let k = 0; k < n; k++) touch(k); }`;
  },
  // Listeners that go with the answer.
  once(n) {
    const [bus, answer] = [n.variable(), n.variable()];
    return `const ${bus} = new (require('events'))(); let done = 0;
      function request(i) { const held = { i, rows: [i, i] }; ${bus}.once('${answer}' + i, () => { done += held.rows.length; }); }
      function step(n) { for (let k = 0; k < n; k++) request(k); for (let k = 0; k < n; k++) ${bus}.emit('${answer}' + k); }`;
  },
  // A configuration read again every round; the one before it is kept.
  reload(n) {
    const [config, before, key] = [n.variable(), n.variable(), n.variable()];
    return `let ${config} = null; let ${before} = null; const text = JSON.stringify(Array.from({ length: 300 }, (_, i) => ({ ${key}: 'v' + i, list: [i] })));
      function step() { for (let k = 0; k < 3; k++) { ${before} = ${config}; ${config} = JSON.parse(text); } }`;
  },
  // Counts per route; the numbers grow out of small integers, the table does not.
  metrics(n) {
    const [routes, type] = [n.variable(), n.type()];
    return `class ${type} { constructor() { this.count = 0; this.bytes = 0; this.buckets = new Array(20).fill(0); } } const ${routes} = {};
      for (let r = 0; r < 40; r++) ${routes}['/r' + r] = new ${type}();
      function step(n) { for (let k = 0; k < n; k++) { const m = ${routes}['/r' + k % 40]; m.count++; m.bytes += 1e8 + 0.5; m.buckets[k % 20] += 0.25; } }`;
  },
  // Asynchronous work that ends, with data about it in a WeakMap.
  settled(n) {
    const [about, work, type] = [n.variable(), n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.i = i; } } const ${about} = new WeakMap(); let sum = 0;
      async function ${work}(i) { const job = new ${type}(i); ${about}.set(job, { started: i }); await null; await null; sum += ${about}.get(job).started; }
      function step(n) { for (let k = 0; k < n; k++) ${work}(k); }`;
  },
};
