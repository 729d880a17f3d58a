package eventlog

import (
	"context"
	"fmt"
	"time"
)

// Within calls f with a context that ends after d. Where there is no answer by then the error is none of a context that has
// ended, unless ctx has: to try again is worth while.
func Within(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := f(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("the database has not answered within %v: %s", d, err)
	}
	return err
}
