// Makes documents of digits: what reads decimals exactly takes the square of their length.

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** One number of so many digits. */
export const endlessNumber = (digits: number) => bytesOf(`{"fqdn":"attacker.example.org","n":${"7".repeat(digits)}}`);

/** As many bytes in numbers of the most digits that one may have. */
export const longestNumbers = (bytes: number) =>
  bytesOf(
    `{"fqdn":"attacker.example.org","n":[${Array(Math.ceil(bytes / 1_001))
      .fill("7".repeat(1_000))
      .join(",")}]}`,
  );
