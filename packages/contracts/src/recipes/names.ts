export const recipeNames = [
  'imet/lopuhin',
  'imet/ceshine-256',
  'imet/ceshine-320',
  'imet/ceshine-freezing',
  'imet/gavrilchik',
  'imet/distill-9',
  'imet/bce-then-f2-10',
] as const
