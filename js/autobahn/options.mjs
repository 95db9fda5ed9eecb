// The cases of section 9 send messages of 16 MiB, those of 12 and 13 negotiate windows.

export const options = {
  lend: true,
  maxBuffered: 256 * 2 ** 20,
  closeTimeout: 5000,
};
