export const recipeNames = [
  'imet/lopuhin',
  'imet/ceshine-256',
  'imet/ceshine-320',
  'imet/ceshine-freezing',
  'imet/bce-then-f2-10',
] as const
