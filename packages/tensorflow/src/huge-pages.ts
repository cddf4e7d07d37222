/**
 * What a process that trains finds in its environment when it starts: its memory comes in pages of 2 MB where Linux has
 * them to give, and its steps and pictures take 1 to 6 % less time. The C library reads it, from glibc 2.35 on.
 */
export const hugePages: Readonly<Record<string, string>> = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' }
