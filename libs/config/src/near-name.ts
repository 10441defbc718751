/** Letters to insert, delete, replace or swap with their neighbour to turn one name into the other. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= a.length; row++) {
    const line: number[] = [row];
    rows.push(line);
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped =
        a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1] ? at(row - 2, column - 2) + 1 : replaced;
      line.push(Math.min(at(row - 1, column) + 1, (line[column - 1] ?? 0) + 1, replaced, swapped));
    }
  }
  return at(a.length, b.length);
}

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** The known name that was probably meant, or undefined when none is near: case, `-`, `_` do not count as letters. */
export function nearName(name: string, known: readonly string[]): string | undefined {
  // Names longer than any of ours are not typing slips, and comparing them would cost length².
  if (name.length > 64) return undefined;
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(plain(name), plain(candidate)) }))
    .toSorted((left, right) => left.distance - right.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(plain(name).length / 3))
    ? best.candidate
    : undefined;
}
