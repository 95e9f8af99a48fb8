/**
 * The floors of the house, from the bottom up: each room and the question that it answers. A room may import
 * from lower floors, never from its own floor or above. This list is the source of the linter's rules and the
 * picture in ARCHITECTURE.md: `npm run floors` writes both, `npm run check` compares them.
 *
 * @type {readonly (readonly (readonly [room: string, answers: string])[])[]}
 */
export const FLOORS = [
  [
    ['src/support', 'errors, remedies, zip: helpers independent of ktx'],
    ['src/network/address', 'addresses, and the proxy for each'],
  ],
  [
    ['src/support/async', 'concurrent tasks and their cancellation'],
    ['src/support/fs', 'atomic writes, locks'],
    ['src/support/text', 'formatting, wrapping, masking of secrets'],
    ['src/failure/causes', 'every known failure, with its text and remedies'],
    ['src/process', 'starts, watches and ends processes; the only room that does'],
    ['src/present/paint', 'components drawn without React and Ink'],
    ['src/process/terminal', 'interactive programs of the user, such as an editor'],
  ],
  [
    ['src/support/home', 'the home folder of this user'],
    ['src/language', 'translations of user-facing texts'],
  ],
  [
    ['src/core', 'vocabulary of the product: features, layout, events'],
    ['src/network/errors', 'network failures, classified'],
    ['src/network/settings', 'indexes, proxies and certificates, and the origin of each setting'],
    ['screens/style', 'colours and texts of the screens'],
    ['src/hosts/config', 'a llama-swap configuration: validation, diff, secrets'],
    ['src/hosts/ssh', 'commands on another machine, over ssh'],
  ],
  [
    ['src/hosts', 'changing the configuration of a model host'],
    ['src/log', 'what install.log holds'],
    ['src/network/transport', 'HTTP: the only room that connects to other machines'],
    ['src/project', 'what a project requires'],
    ['src/shipped', 'what is shipped: the wheel, its lock, the targets'],
  ],
  [
    ['src/network/index', 'what a package index offers'],
    ['src/runtime', 'what is installed and active, and the locks for changing it'],
  ],
  [['src/store', 'verified files by digest, and how they are fetched']],
  [
    ['src/daemon/http', 'requests to a daemon'],
    ['src/python', 'which Python to use'],
    ['src/models/port', 'the interface to language models'],
    ['src/uv', 'the pinned uv: download, invocation, output'],
  ],
  [
    ['src/bundle/app', 'this program and Node, as packed in a bundle'],
    ['src/bundle/archive', 'the file format of bundles'],
    ['src/daemon', 'the daemon: life cycle, state, health'],
    ['src/failure', 'a failure as cause, evidence and remedies'],
    ['src/kernel', 'a live Python session'],
    ['src/models/codex', 'the Codex SDK as a language model'],
    ['src/setup/request', 'options of a setup'],
    ['src/setup/session', 'the network of one setup'],
  ],
  [
    ['src/bundle', 'an install in one file, for hosts without a network'],
    ['src/maker', 'ktx-setup-assets: builds the assets for a program with its own wheel'],
    ['src/proof', 'proves that an environment works'],
    ['src/vectors', 'embeds many texts into a file of vectors'],
    ['src/models/project', 'the language model of a project: ktx.yaml, setup step, status'],
    ['src/report', 'the report for an IT department'],
    ['src/setup/plan', 'what a setup will do, from which sources, with how many bytes'],
  ],
  [
    ['src/bundle/nearby', 'finding a bundle on this machine, requesting one'],
    ['src/lifecycle', 'undo, prune, uninstall, recovery'],
    ['src/models', 'language models behind one interface'],
    ['src/setup/build', 'fetch, build, prove, switch'],
  ],
  [['src/setup', 'a whole setup: plan it, run it, report it']],
  [['src/doctor/checks', 'one function per check']],
  [['src/doctor/repairs', 'repairs, and their undo']],
  [['src/doctor', 'runs checks and repairs, and reports the results']],
  [
    ['src/wizard/panels', 'tasks besides the installation, each its own state machine'],
    ['src/wizard/progress', 'how far an installation is, and how long the rest takes'],
  ],
  [['src/wizard', 'the state machine of the wizard']],
  [['src/present/terminal', 'terminal modes, and restoring them']],
  [['src/present', 'events as lines, prompts or JSON']],
  [
    ['src/embed', 'the API that the ktx CLI embeds'],
    ['screens/layout', 'which content fits on the screen'],
  ],
  [
    ['src/cli/output', 'how the command line reports errors'],
    ['src/cli/panels', 'runs the tasks of the wizard panels'],
    ['src/cli/schemas', 'schemas of --json output'],
    ['screens/components', 'components shared by several screens'],
  ],
  [['screens', 'the screens of the wizard']],
  [
    ['src/present/ink', 'the screens on a terminal, through Ink'],
    ['src/present/first-screen', 'the first screen, before Ink is loaded'],
  ],
  [['src/cli/commands', 'one file per command']],
  [['src/cli', 'argv to command']],
  [['src', 'the library: what other programs import']],
];

/** The only rooms that may use React. */
export const REACT_ROOMS = [
  'screens',
  'screens/style',
  'screens/layout',
  'screens/components',
  'src/present/ink',
  'src/present/first-screen',
];

/** @returns the floor of a room, counted from the bottom; -1 for a folder that is not a room. */
export function floorOf(room) {
  return FLOORS.findIndex((floor) => floor.some(([name]) => name === room));
}
