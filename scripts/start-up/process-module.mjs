// `node:process` for the bundle: the exports that are used, without the copy of all the others that importing the
// builtin makes. The build names one that is missing here.
export default globalThis.process;
export const { env } = process;
export const cwd = () => process.cwd();
