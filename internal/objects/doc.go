// Package objects writes and reads the bytes of objects: in chunks of 256 KiB, in constant memory, both ways. What an
// object is, which version is the latest and who may do what is decided by the SQL functions that it calls.
//
//	small (below 2 MiB)   howdah.store_object: bytes and name in one call
//	big                   begin_piece, write_chunks …, finish_object: bytes first, then the name in one short transaction
//
// A writer that dies leaves a piece without a name, which nobody sees and upkeep collects.
package objects
