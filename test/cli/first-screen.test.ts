import { beforeEach, expect, it, vi } from 'vitest';

const fake = vi.hoisted(() => ({
  tty: { stdin: true, stdout: true },
  show: vi.fn(),
  look: vi.fn(),
  own: vi.fn(),
  project: vi.fn(),
  speak: vi.fn(),
}));
vi.mock('node:tty', () => ({ isatty: (fd: number) => (fd === 0 ? fake.tty.stdin : fake.tty.stdout) }));
vi.mock('../../src/present/first-screen/show.ts', () => ({ showFirstScreen: fake.show }));
vi.mock('../../src/present/first-screen/quick-look.ts', () => ({ quickLook: fake.look }));
vi.mock('../../src/support/own-command.ts', () => ({ printOwnCommand: fake.own }));
vi.mock('../../src/cli/quick-project.ts', () => ({ quickProject: fake.project }));
vi.mock('../../src/language/load.ts', () => ({ speakLanguage: fake.speak }));
const { beginSetup } = await import('../../src/cli/first-screen.ts');
const { DEMO_OVERVIEW } = await import('../pty/demo-data.ts');

const SHOWN = { text: 'a frame' } as never;
const SCREEN = { is: 'the screen' };
const onLeave = () => {};
beforeEach(() => {
  for (const each of [fake.show, fake.look, fake.own, fake.project, fake.speak]) each.mockReset();
  fake.show.mockReturnValue(SCREEN);
  fake.look.mockReturnValue(DEMO_OVERVIEW);
  fake.project.mockReturnValue({ hasProject: true, mayNeedFeature: false });
  fake.tty = { stdin: true, stdout: true };
  for (const [name, value] of Object.entries({ TERM: 'xterm-256color', LANG: 'C.UTF-8', CI: undefined }))
    vi.stubEnv(name, value);
  for (const name of Object.keys(process.env).filter((each) => /^(?:KTX_|LC_|INK_)/.test(each)))
    vi.stubEnv(name, undefined);
  return () => vi.unstubAllEnvs();
});

const shownState = () => (fake.show.mock.lastCall![0] as { begin: { screen: string } }).begin;

it('the command alone, on a terminal, begins with what is offered', () => {
  expect(beginSetup(['setup'], onLeave)).toBe(SCREEN);
  const { begin: _, ...options } = fake.show.mock.lastCall![0] as Record<string, unknown>;
  const { stdin, stdout, env } = process;
  expect(options).toEqual({ stdin, stdout, env, homeDir: expect.any(String), onLeave });
  expect(shownState()).toMatchObject({ screen: 'features', overview: DEMO_OVERVIEW, hasProject: true });
  expect(fake.own).toHaveBeenCalledOnce();
  expect(fake.speak).not.toHaveBeenCalled();
});

it.each([[[]], [['setup', '--plain']], [['doctor']], [['--version']]])('%j begins differently', (argv) => {
  expect(beginSetup(argv, onLeave)).toBeNull();
  expect(beginSetup(argv, onLeave, SHOWN)).toBeNull();
  expect(fake.show).not.toHaveBeenCalled();
});

it.each([
  [false, true],
  [true, false],
])('without a terminal on both sides it is left to the program (%s, %s)', (stdin, stdout) => {
  fake.tty = { stdin, stdout };
  expect(beginSetup(['setup'], onLeave)).toBeNull();
  expect(fake.own).not.toHaveBeenCalled();
  // The frame that is there has proven the terminal.
  expect(beginSetup(['setup'], onLeave, SHOWN)).toBe(SCREEN);
  expect(fake.show.mock.lastCall![0]).toMatchObject({ shown: SHOWN });
});

it.each([
  [
    'the project may need a feature',
    () => fake.project.mockReturnValue({ hasProject: true, mayNeedFeature: true }),
  ],
  ['this machine is not known at a glance', () => fake.look.mockReturnValue(null)],
])('waits for the overview where %s', (_name, change) => {
  change();
  expect(beginSetup(['setup'], onLeave)).toBe(SCREEN);
  expect(shownState()).toMatchObject({ screen: 'loading', hasProject: true });
});

it('speaks the language of the user', () => {
  vi.stubEnv('LANG', 'de_DE.UTF-8');
  beginSetup(['setup'], onLeave);
  expect(fake.speak).toHaveBeenCalledWith('de', { hasUnicode: true });
});

it('a problem is left to the program, which reports it; not with a frame that is there', () => {
  fake.project.mockImplementation(() => {
    throw new Error('no folder');
  });
  expect(beginSetup(['setup'], onLeave)).toBeNull();
  expect(() => beginSetup(['setup'], onLeave, SHOWN)).toThrow('no folder');
});
