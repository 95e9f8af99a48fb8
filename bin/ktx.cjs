#!/usr/bin/env node
// The version gate: syntax that any Node reads, so that an old one gets a sentence and not a SyntaxError.
var version = process.versions.node.split('.').map(Number);
if (version[0] < 22 || (version[0] === 22 && version[1] < 19)) {
  process.stderr.write('ktx needs Node 22.19 or newer; this is Node ' + process.versions.node + '.\n');
  process.exitCode = 1;
} else {
  require('./launch.cjs');
}
