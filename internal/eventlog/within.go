package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrSilent is that there was no answer in time. What was asked may have been done.
var ErrSilent = errors.New("the database has not answered")

// Within calls f with a context that ends after d. Where there is no answer by then the error is ErrSilent and none of a context
// that has ended, unless ctx has: to try again is worth while.
func Within(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := f(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w within %v: %s", ErrSilent, d, err)
	}
	return err
}
