// A validator with some compiled schemas: hardly more than Node itself.
'use strict';
const Ajv = require('ajv');

module.exports = async function(times) {
  const validator = new Ajv();
  const kept = [];
  for (let n = 0; n < 20 * times; ++n) {
    const properties = {};
    for (let field = 0; field < 10; ++field) {
      properties[`field${field}`] = field % 2 ? {type: 'string', maxLength: n + field} : {type: 'array', items: {type: 'integer'}};
    }
    const check = validator.compile({$id: `schema-${n}`, type: 'object', properties, required: ['field0']});
    const document = {field0: [n, n + 1], field1: `text ${n}`};
    kept.push({check, document, valid: check(document)});
  }
  return {validator, kept};
};
