'use strict';
const exported = require('./exports.js');

// `default` and the flag are for compilers that turn `import session from` into `require`.
module.exports = Object.defineProperty(Object.assign(exported.default, exported), '__esModule', { value: true });
