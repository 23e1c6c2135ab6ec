// The environment of all specs: mocha and `npm run spec` load it first.

// Mocha hears of rejections that nobody handles, and drops them: a spec is to fail by one.
process.on("unhandledRejection", (reason) => {
  throw reason;
});

// The examples' specs make some thousand accounts: a password that is made to be slow costs minutes of them.
process.env.SCRYPT_N ??= "16";
