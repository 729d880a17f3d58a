//go:build race

package s3_test

// raceDetector says that memory is that of the race detector, too.
const raceDetector = true
