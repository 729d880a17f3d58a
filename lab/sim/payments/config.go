package payments

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pelletier/go-toml/v2"
)

//go:embed scenario.toml
var defaultScenario []byte

// Config is the scenario file. The comments in scenario.toml say what each value means.
type Config struct {
	Name           string       `toml:"name"`
	Version        int          `toml:"version"`
	Epoch          time.Time    `toml:"epoch"`
	PrehistoryDays int          `toml:"prehistory_days"`
	EndDay         int          `toml:"end_day"`
	Speed          float64      `toml:"speed"`
	Customers      Customers    `toml:"customers"`
	Newcomers      Newcomers    `toml:"newcomers"`
	Merchants      Merchants    `toml:"merchants"`
	RiskTiers      RiskTiers    `toml:"risk_tiers"`
	Zips           Zips         `toml:"zips"`
	Payments       Payments     `toml:"payments"`
	Trips          Trips        `toml:"trips"`
	Gifts          Gifts        `toml:"gifts"`
	Fraud          Fraud        `toml:"fraud"`
	Labels         Labels       `toml:"labels"`
	Investigator   Investigator `toml:"investigator"`
	Arrival        Arrival      `toml:"arrival"`
	Dirt           Dirt         `toml:"dirt"`
	Timetable      []Incident   `toml:"timetable"`
}

// Default is the scenario as it is delivered.
func Default() (Config, error) {
	var c Config
	if err := decode(defaultScenario, &c); err != nil {
		return c, fmt.Errorf("read the built-in scenario: %w", err)
	}
	return c, c.Validate()
}

// DefaultFile is the text of the delivered scenario file, to start one's own from.
func DefaultFile() []byte { return bytes.Clone(defaultScenario) }

// Override is the delivered scenario with the values of a file laid over it.
func Override(file []byte) (Config, error) {
	c, err := Default()
	if err != nil {
		return c, err
	}
	// Decoding into a list that is filled would keep what the new elements leave out; a list replaces a list.
	var lists struct {
		Customers struct{ Segments []Segment }
		Merchants struct{ Categories []Category }
		Payments  struct{ Hours []Hour }
		Timetable []Incident
	}
	if err := toml.Unmarshal(file, &lists); err != nil {
		return c, describe(err)
	}
	if lists.Customers.Segments != nil {
		c.Customers.Segments = nil
	}
	if lists.Merchants.Categories != nil {
		c.Merchants.Categories = nil
	}
	if lists.Payments.Hours != nil {
		c.Payments.Hours = nil
	}
	if lists.Timetable != nil {
		c.Timetable = nil
	}
	if err := decode(file, &c); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// Load is Override with a file on disk; an empty path gives the delivered scenario.
func Load(path string) (Config, error) {
	if path == "" {
		return Default()
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the scenario file: %w", err)
	}
	c, err := Override(file)
	if err != nil {
		return c, fmt.Errorf("scenario file %s: %w", path, err)
	}
	return c, nil
}

// decode refuses unknown names: a misspelt rate must not pass for an unchanged one.
func decode(file []byte, c *Config) error {
	d := toml.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	return describe(d.Decode(c))
}

// describe makes the parser's errors say where they are.
func describe(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		row, _ := unknown.Errors[0].Position()
		return fmt.Errorf("line %d: unknown name %q; see the delivered scenario for the names there are",
			row, joinKey(unknown.Errors[0].Key()))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, column := bad.Position()
		return fmt.Errorf("line %d, column %d: %w", row, column, err)
	}
	return err
}
