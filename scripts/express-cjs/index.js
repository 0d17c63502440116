'use strict';
const exported = require('./exports.js');

exports = module.exports = exported.default;
// One by one: Node reads in this text, and doesn't run it to see, which names ESM may import of a file that says
// `module.exports = require('nestjs-keycard/express')`.
exports.Cookie = exported.Cookie;
exports.MemoryStore = exported.MemoryStore;
exports.Session = exported.Session;
exports.Store = exported.Store;
exports.dataOf = exported.dataOf;
exports.fromExpressStore = exported.fromExpressStore;
exports.keycard = exported.keycard;
exports.session = exported.session;
exports.toExpressStore = exported.toExpressStore;
// This and the flag are for compilers that turn `import session from` into `require`.
exports.default = exported.default;
Object.defineProperty(exports, '__esModule', { value: true });
