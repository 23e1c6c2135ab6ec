// Mocha hears of rejections that nobody handles, and drops them: a spec is to fail by one.
process.on("unhandledRejection", (reason) => {
  throw reason;
});
