#!/usr/bin/env node
// The version gate: syntax that any Node reads, so that an old one gets a sentence and not a SyntaxError.
function refusal() {
  var versions = process.versions;
  var other = versions.bun ? 'Bun ' + versions.bun : versions.deno ? 'Deno ' + versions.deno : '';
  // They call themselves a Node whose parts they do not have.
  if (other) return 'ktx needs Node; this is ' + other + '. Run it with Node: npx ktx (with Bun: bunx, without --bun).';
  var version = versions.node.split('.').map(Number);
  var isOld = version[0] < 22 || (version[0] === 22 && version[1] < 19);
  // Node 23.0 to 23.4 are older than some of what 22.19 has.
  var isBetween = version[0] === 23 && version[1] < 5;
  if (!isOld && !isBetween) return '';
  var wanted = isBetween ? 'Node 22.19 or a later 22, or Node 23.5 or newer' : 'Node 22.19 or newer';
  return 'ktx needs ' + wanted + '; this is Node ' + versions.node + ' (' + process.execPath + ').';
}

var refused = refusal();
if (refused) {
  process.stderr.write(refused + '\n');
  process.exitCode = 1;
} else {
  require('./launch.cjs');
}
