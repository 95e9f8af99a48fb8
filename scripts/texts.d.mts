export function texts(): { path: string; line: number; text: string }[];
