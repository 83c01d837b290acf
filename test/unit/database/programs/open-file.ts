import { openDatabase } from '../../../../database/open-database.ts';

/** Opens a database and writes to it, as a user without rights; says what came of it. */
process.setuid?.(65_534);
const said = await openDatabase(`sqlite:${process.argv[2]}`, { directory: '/', readOnly: process.argv[3] === 'read' })
  .then((database) => database.read((tx) => tx.all('SELECT a FROM t')))
  .then(
    (rows) => ({ rows }),
    (error: { code?: string; message: string }) => ({ code: error.code, message: error.message }),
  );
process.stdout.write(JSON.stringify(said));
