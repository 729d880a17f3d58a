package testdb

// DropLeftovers is tested by itself: at the start of the server there may be none.
var DropLeftovers = dropLeftovers
