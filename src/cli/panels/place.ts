/** Where the wizard was started. */
export interface PanelPlace {
  projectDir: string;
  cwd: string;
}
