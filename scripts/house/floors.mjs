/**
 * The floors of the house, from the bottom up: each room and the question that it answers. A room may import
 * from lower floors, never from its own floor or above. This list is the source of the linter's rules and the
 * picture in ARCHITECTURE.md: `npm run floors` writes both, `npm run check` compares them.
 *
 * @type {readonly (readonly (readonly [room: string, answers: string])[])[]}
 */
export const FLOORS = [
  [
    ['src/support', 'errors, remedies, zip: helpers that know nothing of ktx'],
    ['src/network/address', 'which host is meant, and which proxy it goes through'],
  ],
  [
    ['src/support/async', 'side by side, cancelled together'],
    ['src/support/fs', 'files written whole or not at all, locks'],
    ['src/support/text', 'numbers, words and secrets as text'],
    ['src/failure/causes', 'everything that can go wrong, with its words and remedies'],
    ['src/process', 'starts, watches and ends processes; the only room that does'],
    ['src/present/paint', 'components drawn without React and Ink'],
    ['src/process/terminal', 'programs of the user that need the whole terminal'],
  ],
  [
    ['src/support/home', 'the home folder of this user'],
    ['src/language', 'texts for people in their language'],
  ],
  [
    ['src/core', 'words of the product: features, layout, events'],
    ['src/network/errors', 'what went wrong on the way to a host'],
    [
      'src/network/settings',
      'what is set: indexes, proxies, certificates, and where each setting comes from',
    ],
    ['screens/style', 'colours and words of the screens'],
    ['src/hosts/config', 'a llama-swap configuration: is it valid, what changes, what is secret'],
    ['src/hosts/ssh', 'commands on another machine, through ssh'],
  ],
  [
    ['src/hosts', 'changing the configuration of a model host'],
    ['src/log', 'what install.log holds'],
    ['src/network/transport', 'HTTP: the only room that connects to other machines'],
    ['src/project', 'what a project asks for'],
    ['src/shipped', 'what is shipped: the wheel, its lock, the targets'],
  ],
  [
    ['src/network/index', 'what a package index offers'],
    ['src/runtime', 'what is installed and active, and who is changing it'],
  ],
  [['src/store', 'verified files by digest, and how they are fetched']],
  [
    ['src/daemon/http', 'what is asked of a daemon'],
    ['src/python', 'which Python to use'],
    ['src/models/port', 'what ktx asks of a language model'],
    ['src/uv', 'the pinned uv: where it comes from, how it is run, what it says'],
  ],
  [
    ['src/bundle/app', 'this program and a Node, as a bundle carries them'],
    ['src/bundle/archive', 'the file that a bundle is'],
    ['src/daemon', 'what lives on: the daemon, its state and health'],
    ['src/failure', 'a failure as cause, evidence and remedies'],
    ['src/kernel', 'a live Python session'],
    ['src/models/codex', 'the Codex SDK behind the port of language models'],
    ['src/setup/request', 'what is asked of a setup'],
    ['src/setup/session', 'the network of one setup'],
  ],
  [
    ['src/bundle', 'an install in a file, for hosts without a network'],
    ['src/maker', 'ktx-setup-assets: makes the assets of a program with a wheel of its own'],
    ['src/proof', 'what proves that an environment works'],
    ['src/vectors', 'many texts into a file of vectors'],
    ['src/models/project', 'the language model of a project: ktx.yaml, setup step, status'],
    ['src/report', 'what IT needs to know'],
    ['src/setup/plan', 'what will be done, from where, how large'],
  ],
  [
    ['src/bundle/nearby', 'a bundle that somebody carried here, and how to ask for one'],
    ['src/lifecycle', 'undo, prune, uninstall, recovery'],
    ['src/models', 'language models behind one port'],
    ['src/setup/build', 'fetch, build, prove, switch'],
  ],
  [['src/setup', 'a whole setup: plan it, run it, report it']],
  [['src/doctor/checks', 'what is looked at, one function a check']],
  [['src/doctor/repairs', 'what mends a finding, and how it is undone']],
  [['src/doctor', 'runs checks and repairs, and tells what they found']],
  [['src/wizard/panels', 'tasks beside an installation, each a state machine of its own']],
  [['src/wizard', 'the state machine of the wizard']],
  [['src/present/terminal', 'the modes of a terminal, and the way back from all of them']],
  [['src/present', 'events as lines, prompts or JSON']],
  [
    ['src/embed', 'what the ktx CLI embeds'],
    ['screens/layout', 'what fits on the screen'],
  ],
  [
    ['src/cli/output', 'how the command line reports errors'],
    ['src/cli/panels', 'what the panels of the wizard do, with the library'],
    ['src/cli/schemas', 'what commands print with --json'],
    ['screens/components', 'parts that several screens share'],
  ],
  [['screens', 'what a person sees']],
  [
    ['src/present/ink', 'the screens on a terminal'],
    ['src/present/first-screen', 'the first screen, before Ink is loaded'],
  ],
  [['src/cli/commands', 'one file a command']],
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
