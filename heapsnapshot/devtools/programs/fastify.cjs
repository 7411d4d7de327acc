// A web server with schemas, plugins and hooks that has answered some requests.
'use strict';
const fastify = require('fastify');

module.exports = async function(times) {
  const servers = [];
  for (let n = 0; n < times; ++n) {
    const server = fastify();
    const users = new Map();
    server.decorateRequest('startedAt', 0);
    server.addHook('onRequest', async request => {
      request.startedAt = users.size;
    });
    for (const kind of ['users', 'orders', 'items', 'carts', 'bills']) {
      server.register(async scope => {
        const body = {
          type: 'object',
          required: ['name'],
          properties: {name: {type: 'string', minLength: 1}, tags: {type: 'array', items: {type: 'string'}}, age: {type: 'integer'}},
        };
        scope.post(`/${kind}`, {schema: {body}}, async request => {
          const id = `${kind}-${users.size}`;
          users.set(id, {id, ...request.body, seen: request.startedAt});
          return {id};
        });
        scope.get(`/${kind}/:id`, async (request, reply) => users.get(request.params.id) ?? reply.code(404).send({error: 'unknown'}));
      });
    }
    await server.ready();
    for (let request = 0; request < 200; ++request) {
      const kind = ['users', 'orders', 'items', 'carts', 'bills'][request % 5];
      const payload = {name: `name ${request}`, tags: [`t${request % 7}`, `t${request % 11}`], age: request % 90};
      await server.inject({method: 'POST', url: `/${kind}`, payload});
      await server.inject({method: 'GET', url: `/${kind}/${kind}-${request}`});
    }
    servers.push({server, users});
  }
  return servers;
};
