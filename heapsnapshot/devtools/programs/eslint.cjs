// A linter that has checked its own sources and keeps their syntax trees, tokens and scopes.
'use strict';
const {Linter} = require('eslint');
const fs = require('node:fs');
const path = require('node:path');

module.exports = async function(times) {
  const linter = new Linter();
  const folder = path.join(path.dirname(require.resolve('eslint/package.json')), 'lib', 'rules');
  const files = fs.readdirSync(folder).filter(name => name.endsWith('.js')).sort();
  const kept = [];
  for (const name of files.slice(0, 1 + (times - 1) * 4)) {
    const text = fs.readFileSync(path.join(folder, name), 'utf8');
    const messages = linter.verify(text, {
      languageOptions: {sourceType: 'commonjs', ecmaVersion: 2022},
      rules: {'no-unused-vars': 'warn', 'no-undef': 'warn', eqeqeq: 'warn', 'prefer-const': 'warn', semi: 'warn', indent: 'warn'},
    });
    kept.push({name, messages, source: linter.getSourceCode()});
  }
  return {linter, kept};
};
