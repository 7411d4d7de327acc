// The fourth set: much growth in few items, or in numbers, which a snapshot does not list. Written together with the rules
// about it, after a user's programs on which the finder had been silent. Same form as programs.mjs.

/** Leaks: name of the pattern → maker of {source, truth}. */
export const LEAKS = {
  // Ten buffers of a megabyte between two snapshots.
  uploads(n) {
    const uploads = n.variable();
    return {
      source: `const ${uploads} = []; function step(n) { for (let k = 0; k < n / 40; k++) ${uploads}.push(Buffer.alloc(1 << 20)); }`,
      truth: { owner: uploads, classes: ['Buffer', 'FastBuffer', 'Uint8Array'] },
    };
  },
  // Counts that are never thrown away: small integers.
  measurements(n) {
    const [type, samples] = [n.type(), n.variable()];
    return {
      source: `class ${type} { constructor() { this.${samples} = []; } } const metrics = new ${type}();
        function step(n) { for (let k = 0; k < 750 * n; k++) metrics.${samples}.push(k); }`,
      truth: { owner: samples, classes: ['(entries)'] },
    };
  },
  // The same with fractions.
  latencies(n) {
    const latencies = n.variable();
    return {
      source: `const ${latencies} = []; function step(n) { for (let k = 0; k < 750 * n; k++) ${latencies}.push(k + 0.5); }`,
      truth: { owner: latencies, classes: ['(entries)'] },
    };
  },
  // Every id that was ever seen.
  seen(n) {
    const seen = n.variable();
    return {
      source: `const ${seen} = new Set(); let id = 0; function step(n) { for (let k = 0; k < 250 * n; k++) ${seen}.add(id++); }`,
      truth: { owner: seen, classes: ['(entries)'] },
    };
  },
  // A balance for every number that there ever was.
  balances(n) {
    const balances = n.variable();
    return {
      source: `const ${balances} = new Map(); let id = 0; function step(n) { for (let k = 0; k < 250 * n; k++) ${balances}.set(id++, k); }`,
      truth: { owner: balances, classes: ['(entries)'] },
    };
  },
};

/** Healthy programs: nothing may be reported. */
export const HEALTHY = {
  // The last eight buffers.
  lastBuffers(n) {
    const last = n.variable();
    return `const ${last} = []; function step(n) { for (let k = 0; k < n / 40; k++) { ${last}.push(Buffer.alloc(1 << 20)); if (${last}.length > 8) ${last}.shift(); } }`;
  },
  // Buffers by number, the oldest let go; the bound is reached in the second step.
  bufferLru(n) {
    const cache = n.variable();
    return `const ${cache} = new Map(); let i = 0; function step(n) { for (let k = 0; k < n / 40; k++) { ${cache}.set(i++, Buffer.alloc(1 << 20)); if (${cache}.size > 15) ${cache}.delete(${cache}.keys().next().value); } }`;
  },
  // A ring of numbers whose room was made in advance.
  numberRing(n) {
    const ring = n.variable();
    return `const ${ring} = new Array(1000000).fill(0); let i = 0; function step(n) { for (let k = 0; k < 750 * n; k++) ${ring}[i++ % 1000000] = k; }`;
  },
  // Numbers that are computed anew each time, a few more or less.
  columns(n) {
    const columns = n.variable();
    return `let ${columns} = null; let round = 0; const sizes = [200000, 202000, 199000, 201000];
      function step() { const next = []; for (let k = 0; k < sizes[round % 4]; k++) next.push(k * 1.5); round++; ${columns} = next; }`;
  },
  // The ids of the last sixty thousand requests.
  recentIds(n) {
    const recent = n.variable();
    return `const ${recent} = new Set(); let id = 0; function step(n) { for (let k = 0; k < 250 * n; k++) { ${recent}.add(id++); if (${recent}.size > 60000) ${recent}.delete(id - 60001); } }`;
  },
};
