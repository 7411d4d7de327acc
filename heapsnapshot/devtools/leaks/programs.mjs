// Small Node programs that leak, and healthy ones beside them. Every name in them is made up anew from the
// seed, so that no rule can know one. Each program has `step(n)`: the load between two snapshots.
//
// `truth`: what the right answer is. `owner` is a variable or property name that the finding's owner or path
// must contain; `classes` are the classes any of which is a right answer.

const SYLLABLES = ['ba', 'ce', 'di', 'fo', 'gu', 'ka', 'le', 'mi', 'no', 'pu', 'ra', 'se', 'ti', 'vo', 'zu', 'xe'];

/** Names from a seed: variables in lower case, classes with a capital. */
export function namesFrom(seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  const next = () => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state;
  };
  const used = new Set();
  const name = () => {
    for (;;) {
      let text = '';
      for (let i = 0; i < 4; i++) text += SYLLABLES[next() % SYLLABLES.length];
      if (!used.has(text)) { used.add(text); return text; }
    }
  };
  return { variable: name, type: () => { const n = name(); return n[0].toUpperCase() + n.slice(1); }, number: next };
}

/** Leaks: name of the pattern → maker of {source, truth}. */
export const LEAKS = {
  cache(n) {
    const [store, type, field, key] = [n.variable(), n.type(), n.variable(), n.variable()];
    return {
      source: `class ${type} { constructor(i) { this.${field} = 'text of ' + i + ' '.repeat(30); } }
        const ${store} = new Map(); let i = 0;
        function step(n) { for (let k = 0; k < n; k++) { ${store}.set('${key}:' + i, new ${type}(i)); i++; } }`,
      truth: { owner: store, classes: [type] },
    };
  },
  queue(n) {
    const [queue, type, field] = [n.variable(), n.type(), n.variable()];
    return {
      source: `class ${type} { constructor(i) { this.${field} = { number: i, body: [i, i + 1, i + 2] }; } }
        const ${queue} = []; let i = 0;
        function step(n) { for (let k = 0; k < n; k++) { ${queue}.push(new ${type}(i++)); if (k % 3 === 0) ${queue}.shift(); } }`,
      truth: { owner: queue, classes: [type] },
    };
  },
  list(n) {
    const [queue, type, next] = [n.variable(), n.type(), n.variable()];
    return {
      source: `class ${type} { constructor(i, before) { this.value = 'v' + i; this.${next} = before; } }
        const ${queue} = { head: null, length: 0 };
        function step(n) { for (let k = 0; k < n; k++) { ${queue}.head = new ${type}(k, ${queue}.head); ${queue}.length++; } }`,
      truth: { owner: queue, classes: [type] },
    };
  },
  closure(n) {
    const [handlers, big, used, unused] = [n.variable(), n.variable(), n.variable(), n.variable()];
    return {
      source: `const ${handlers} = [];
        function one(i) { const ${big} = new Array(50).fill(i);
          const ${unused} = () => ${big}; const ${used} = () => i; ${handlers}.push(${used}); return ${unused}; }
        function step(n) { for (let k = 0; k < n; k++) one(k); }`,
      truth: { owner: handlers, classes: [`function ${used}`] },
    };
  },
  listeners(n) {
    const [bus, event, handler, held] = [n.variable(), n.variable(), n.variable(), n.variable()];
    return {
      source: `const { EventEmitter } = require('events'); const ${bus} = new EventEmitter(); ${bus}.setMaxListeners(0);
        function subscribe(i) { const ${held} = { list: [i, i, i], text: 'request ' + i };
          ${bus}.on('${event}', function ${handler}() { return ${held}; }); }
        function step(n) { for (let k = 0; k < n; k++) subscribe(k); }`,
      truth: { owner: bus, also: [event], classes: [`function ${handler}`] },
    };
  },
  timers(n) {
    const [poll, held] = [n.variable(), n.variable()];
    return {
      source: `function start(i) { const ${held} = { rows: new Array(20).fill(i) };
          setInterval(function ${poll}() { return ${held}; }, 1e6).unref(); }
        function step(n) { for (let k = 0; k < n; k++) start(k); }`,
      truth: { owner: 'TimersList', also: ['Timeout', '1000000', poll], classes: ['Timeout', `function ${poll}`] },
    };
  },
  detached(n) {
    const [removed, type, children, parent] = [n.variable(), n.type(), n.variable(), n.variable()];
    return {
      source: `class ${type} { constructor(p) { this.${parent} = p; this.${children} = []; if (p) p.${children}.push(this); } }
        const root = new ${type}(null); const ${removed} = new Map(); let i = 0;
        function step(n) { for (let k = 0; k < n; k++) { const node = new ${type}(root); new ${type}(node);
          root.${children}.pop(); node.${parent} = null; ${removed}.set(i++, node); } }`,
      truth: { owner: removed, classes: [type] },
    };
  },
  weakmap(n) {
    const [meta, kept, key, value] = [n.variable(), n.variable(), n.type(), n.type()];
    return {
      source: `class ${key} { constructor(i) { this.i = i; } } class ${value} { constructor(i) { this.text = 'meta ' + i; } }
        const ${meta} = new WeakMap(); const ${kept} = [];
        function step(n) { for (let k = 0; k < n; k++) { const o = new ${key}(k); ${meta}.set(o, new ${value}(k)); ${kept}.push(o); } }`,
      truth: { owner: kept, classes: [key] },
    };
  },
  strings(n) {
    const [log, word] = [n.variable(), n.variable()];
    return {
      source: `const ${log} = [];
        function step(n) { for (let k = 0; k < n; k++) ${log}.push(Buffer.from('${word} happened again and again').toString()); }`,
      truth: { owner: log, classes: ['(string)'] },
    };
  },
};

/** Healthy programs: nothing may be reported. */
export const HEALTHY = {
  bounded(n) {
    const [store, type] = [n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.i = i; this.text = 'entry ' + i; } }
      const ${store} = new Map(); let i = 0;
      function step(n) { for (let k = 0; k < n; k++) { if (${store}.size < 1.2 * n) ${store}.set(i, new ${type}(i)); i++; } }`;
  },
  lru(n) {
    const [store, type] = [n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.text = 'entry ' + i; } } const ${store} = new Map(); let i = 0;
      function step(n) { for (let k = 0; k < n; k++) { ${store}.set(i, new ${type}(i)); i++;
        if (${store}.size > 500) ${store}.delete(${store}.keys().next().value); } }`;
  },
  requests(n) {
    const [handle, type] = [n.variable(), n.type()];
    return `class ${type} { constructor(i) { this.rows = new Array(30).fill(i); } }
      function ${handle}(i) { const r = new ${type}(i); return JSON.stringify(r).length; } let sum = 0;
      function step(n) { for (let k = 0; k < n; k++) sum += ${handle}(k); }`;
  },
  warmup(n) {
    const f = n.variable();
    return `const fs = []; for (let j = 0; j < 200; j++) fs.push(new Function('a', 'b', 'let s = ' + j + '; for (let i = 0; i < a; i++) s += b * i; return s;'));
      function ${f}(i) { return fs[i % fs.length](i % 50, i); } let sum = 0; let from = 0;
      function step(n) { for (let k = 0; k < 20 * n; k++) sum += ${f}(from++); }`;
  },
  modules(n) {
    const dir = n.variable();
    return `const fs = require('fs'), os = require('os'), path = require('path');
      const dir = fs.mkdtempSync(path.join(os.tmpdir(), '${dir}-')); let i = 0;
      process.on('exit', () => fs.rmSync(dir, { recursive: true }));
      function step() { for (let k = 0; k < 60; k++) { const file = path.join(dir, 'm' + i++ + '.js');
        fs.writeFileSync(file, 'exports.f' + i + ' = function f' + i + '(a) { return a + ' + i + '; }; exports.list = [' + i + ', 2, 3];'); require(file); } }`;
  },
  pool(n) {
    const [pool, type] = [n.variable(), n.type()];
    return `class ${type} { constructor() { this.buffer = new Array(100).fill(0); this.busy = false; } }
      const ${pool} = []; function take() { let b = ${pool}.find(x => !x.busy); if (!b) { b = new ${type}(); ${pool}.push(b); } b.busy = true; return b; }
      function step(n) { const taken = []; for (let k = 0; k < n; k++) { taken.push(take()); if (taken.length > 50) taken.shift().busy = false; } for (const t of taken) t.busy = false; }`;
  },
};
