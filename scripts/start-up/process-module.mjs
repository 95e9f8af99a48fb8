// `node:process` for the bundle: only the exports in use, without the copy of all exports that importing the
// builtin makes. The build reports a missing one.
export default globalThis.process;
export const { env } = process;
export const cwd = () => process.cwd();
