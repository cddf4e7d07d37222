/**
 * Whether S3 would take the name for a bucket: 3 to 63 lower-case letters, digits, dots and hyphens, beginning and
 * ending in a letter or digit, no two dots in a row, and not an IPv4 address.
 */
export function isBucketName(name: string): boolean {
  return /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)
}
