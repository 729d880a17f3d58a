package docs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Copy stores documents whose keys are new by COPY, in the caller's transaction. It is a unique violation where one is there.
func Copy(ctx context.Context, tx pgx.Tx, collection string, documents []Document) error {
	// What is stated nowhere is left to the columns' defaults.
	valid, known, expires := false, false, false
	for i := range documents {
		valid = valid || !documents[i].ValidFrom.IsZero()
		known = known || !documents[i].KnownAt.IsZero()
		expires = expires || documents[i].ExpiresAt != nil
	}
	if known {
		return errors.New("copy states no known_at: put such documents")
	}
	columns := []string{"key", "doc"}
	if valid {
		columns = append(columns, "valid_from")
	}
	if expires {
		columns = append(columns, "expires_at")
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"docs", collection}, columns, pgx.CopyFromSlice(len(documents), func(i int) ([]any, error) {
		d := &documents[i]
		if !json.Valid(d.Doc) {
			return nil, fmt.Errorf("document %q is not JSON", d.Key)
		}
		row := []any{d.Key, string(d.Doc)}
		if valid && d.ValidFrom.IsZero() {
			return nil, fmt.Errorf("document %q states no valid_from, and others do", d.Key)
		} else if valid {
			row = append(row, d.ValidFrom)
		}
		if expires {
			row = append(row, d.ExpiresAt)
		}
		return row, nil
	}))
	return err
}

// IsThere tells that a key to be copied was there already.
func IsThere(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}
