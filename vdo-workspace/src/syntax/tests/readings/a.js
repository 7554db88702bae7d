#!/usr/bin/env node
/**
 * @fileoverview Serves pages.
 * @license MIT, Copyright Somebody
 */
import def, { one as two } from './one';
import './style.css';
export * from './all';
export { a, b } from './some';
const fs = require('fs');
const { join, resolve: res } = require('path').posix;
require('./side');
const lazy = import('./lazy');
const log = require('debug')('http');
const { first, nested: { second } } = config;

/** Greets. */
export default function greet(name = fallback) {
  const inner = require('./inner');
  return `hello ${escape(name)} ${inner}`;
}

// no documentation
export class Server extends Base {
  port = 80;
  /**
   * Starts to listen
   * @param {number} port where
   */
  listen(port) { this.server = http.createServer(fs.open); return { port, join }; }
}

/** Handles one. */
export const handle = async (request) => { await lazy; require('./later'); };
module.exports = { greet, render: views.render };
