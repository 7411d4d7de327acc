// A bundler that has built its own library for the browser and keeps the compilation.
'use strict';
const path = require('node:path');
const webpack = require('webpack');

/** A file system whose output goes nowhere. */
const nowhere = {
  mkdir: (name, ...rest) => rest.at(-1)(null),
  writeFile: (name, ...rest) => rest.at(-1)(null),
  stat: (name, ...rest) => rest.at(-1)(Object.assign(new Error('none'), {code: 'ENOENT'})),
  readFile: (name, ...rest) => rest.at(-1)(Object.assign(new Error('none'), {code: 'ENOENT'})),
  join: path.join,
  relative: path.relative,
  dirname: path.dirname,
};

module.exports = async function(times) {
  const kept = [];
  for (let n = 0; n < times; ++n) {
    const compiler = webpack({
      mode: 'production',
      target: 'node',
      context: __dirname,
      entry: {eslint: 'eslint', fastify: 'fastify', acorn: 'acorn', ajv: 'ajv'},
      output: {path: path.join(__dirname, 'never-written')},
      optimization: {minimize: false, concatenateModules: true},
      cache: {type: 'memory'},
    });
    compiler.outputFileSystem = nowhere;
    const stats = await new Promise((done, fail) => compiler.run((error, stats) => error ? fail(error) : done(stats)));
    kept.push({compiler, stats});
  }
  return kept;
};
