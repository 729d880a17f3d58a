package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/fraud"
	"github.com/howdah/howdah/lab/serve"
	"github.com/howdah/howdah/server"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// small has fewer customers and a shorter prehistory than the delivered scenario; a model can just be trained.
const small = `
prehistory_days = 47
[customers]
count = 350
[merchants]
count = 600
online = 30
[fraud.stolen_card]
per_day = 1.2
`

type site struct {
	testing.TB
	lab *lab.Lab
	url string
	s3  string
	db  string
}

// begin plays the small world until two days after going live, and serves it.
func begin(t *testing.T) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("plays a small world")
	}
	url := testdb.New(t)
	db, err := howdah.Open(t.Context(), url, howdah.WithMaxConns(40))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, err := fraud.New([]byte(small), 11)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Open(t.Context(), lab.Config{DB: db, Scenario: s, Settings: small})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if err := l.Run(t.Context(), lab.RunOptions{Until: 49, Fast: true}); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(server.Config{DB: db, HTTP: "127.0.0.1:0", S3: "127.0.0.1:0", Extend: func(api huma.API, fail func(context.Context, error) error) {
		serve.Register(api, func(context.Context) (*lab.Lab, error) { return l, nil }, fail)
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &site{t, l, srv.URL(), srv.S3URL(), url}
}

func (s *site) call(method, path string, body any, into any) int {
	s.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, bytes.NewReader(text))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			s.Fatalf("%s %s: %s", method, path, answer)
		}
	}
	return res.StatusCode
}

type answers struct {
	Predictions []lab.Answer `json:"predictions"`
	Detail      string       `json:"detail"`
}

func TestServing(t *testing.T) {
	s := begin(t)
	t.Run("predict", s.predict)
	t.Run("rollback and canary", s.rollout)
	t.Run("clock", s.clock)
	t.Run("python", s.python)
	t.Run("tutorial", s.tutorial)
}

// The clock moves over HTTP as it does on the command line; nobody runs this lab, so that it moves by what is asked alone.
func (s *site) clock(t *testing.T) {
	var before, after serve.Clock
	if code := s.call("POST", "/v1/lab/clock", map[string]any{"paused": true}, &before); code != 200 || !before.Paused || before.Running || before.Day != 49 {
		t.Errorf("paused: status %d, %+v", code, before)
	}
	if code := s.call("POST", "/v1/lab/clock", map[string]any{"step": "6h"}, &after); code != 200 || after.ScenarioTime.Sub(before.ScenarioTime) != 6*time.Hour {
		t.Errorf("stepped: status %d, %+v", code, after)
	}
	var refused answers
	for _, body := range []map[string]any{{"step": "soon"}, {"step": "-1h"}, {"speed": -1}, {"day": 3}} {
		if code := s.call("POST", "/v1/lab/clock", body, &refused); code != 400 {
			t.Errorf("%v: status %d", body, code)
		}
	}
}

func instance(customer, merchant string, cents int) map[string]any {
	return map[string]any{"customer_id": customer, "merchant_id": merchant, "amount_cents": cents, "currency": "EUR", "channel": "pos"}
}

func (s *site) predict(t *testing.T) {
	var plain, big answers
	if code := s.call("POST", "/v1/models/fraud/predict", map[string]any{"instances": []any{instance("C0000001", "M00100", 1500), instance("C0000001", "M00100", 900_000)}}, &plain); code != 200 {
		t.Fatalf("status %d: %+v", code, plain)
	}
	p := plain.Predictions
	if len(p) != 2 || p[0].Role != "champion" || p[0].Version != 1 || p[0].Score <= 0 || p[1].Score <= p[0].Score {
		t.Errorf("answers %+v: the second should be the riskier one", p)
	}
	var x lab.Explanation
	if code := s.call("GET", "/v1/predictions/"+p[0].Prediction, nil, &x); code != 200 || x.Score != p[0].Score || x.Dataset == nil {
		t.Errorf("explanation: status %d, %+v", code, x)
	}
	// One that was made about an event names the event and what it was joined with.
	var id string
	if err := s.lab.DB().Pool().QueryRow(t.Context(), "select prediction_id from lab.predictions where not served order by prediction_id limit 1").Scan(&id); err != nil {
		t.Fatal(err)
	}
	if code := s.call("GET", "/v1/predictions/"+id, nil, &x); code != 200 || len(x.Enrichment) != 2 || len(x.Contributions) < 5 ||
		!strings.Contains(x.Source.Payload, "transaction_id") || x.Source.Topic != "payments" {
		t.Errorf("explanation of an event's: status %d, %+v", code, x)
	}
	for name, c := range map[string]struct {
		path string
		body any
		code int
		says string
	}{
		"no instances":  {"/v1/models/fraud/predict", map[string]any{"instances": []any{}}, 400, "give 1 to"},
		"unknown model": {"/v1/models/nobody/predict", map[string]any{"instances": []any{instance("C", "M", 1)}}, 404, "no version"},
		"unknown alias": {"/v1/models/fraud/predict?alias=shadow", map[string]any{"instances": []any{instance("C", "M", 1)}}, 404, "champion"},
		"bad amount":    {"/v1/models/fraud/predict", map[string]any{"instances": []any{instance("C", "M", -1)}}, 400, "negative_amount"},
		"local time":    {"/v1/models/fraud/predict", map[string]any{"instances": []any{map[string]any{"customer_id": "C", "merchant_id": "M", "amount_cents": 1, "occurred_at": "2025-01-01T00:00:00"}}}, 400, "missing_zone"},
	} {
		if code := s.call("POST", c.path, c.body, &big); code != c.code || !strings.Contains(big.Detail, c.says) {
			t.Errorf("%s: status %d, %q; want %d with %q", name, code, big.Detail, c.code, c.says)
		}
	}
	// Someone nobody has heard of is answered too: everything is unknown.
	if code := s.call("POST", "/v1/models/fraud/predict", map[string]any{"instances": []any{instance("C999999", "M99999", 100)}}, &plain); code != 200 {
		t.Errorf("an unknown customer: status %d", code)
	}
	var times []time.Duration
	for i := range 200 {
		began := time.Now()
		s.call("POST", "/v1/models/fraud/predict", map[string]any{"instances": []any{instance(fmt.Sprintf("C%07d", i+1), fmt.Sprintf("M%05d", i+1), 2500)}}, nil)
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	t.Logf("predict: p50 %v, p95 %v, p99 %v", times[100], times[190], times[198])
	var logged int
	if err := s.lab.DB().Pool().QueryRow(t.Context(), "select count(*) from lab.predictions where served").Scan(&logged); err != nil || logged != 203 {
		t.Errorf("%d answers are logged, want 203 (%v)", logged, err)
	}
}

func (s *site) rollout(t *testing.T) {
	ctx := t.Context()
	if _, err := s.lab.Rollback(ctx, "fraud", "test", ""); err == nil {
		t.Error("a rollback without a former champion is accepted")
	}
	outcome, detail, err := s.lab.TrainNow(ctx, lab.PositiveNow)
	if err != nil || detail["version"] != 2 {
		t.Fatalf("training by hand: %s %v (%v)", outcome, detail, err)
	}
	share := 0.3
	if err := s.lab.Move(ctx, "fraud", lab.Canary, 2, &share, "test", ""); err != nil {
		t.Fatal(err)
	}
	var instances []any
	for i := range 300 {
		instances = append(instances, instance(fmt.Sprintf("C%07d", i+1), "M00100", 2000))
	}
	var a, b answers
	s.call("POST", "/v1/models/fraud/predict", map[string]any{"instances": instances}, &a)
	s.call("POST", "/v1/models/fraud/predict", map[string]any{"instances": instances}, &b)
	canaries := 0
	for i := range a.Predictions {
		if a.Predictions[i].Role != b.Predictions[i].Role {
			t.Fatal("an entity changes its version from call to call")
		}
		if a.Predictions[i].Role == lab.Canary {
			canaries++
		}
	}
	if canaries < 60 || canaries > 120 {
		t.Errorf("%d of 300 are answered by the canary, want about 90", canaries)
	}
	if err := s.lab.Move(ctx, "fraud", lab.Canary, 0, nil, "test", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.lab.Move(ctx, "fraud", lab.Champion, 9, nil, "test", ""); err == nil {
		t.Error("a version that does not exist becomes champion")
	}
	if err := s.lab.Move(ctx, "fraud", lab.Champion, 2, nil, "test", ""); err != nil {
		t.Fatal(err)
	}
	if v, err := s.lab.Rollback(ctx, "fraud", "test", "worse"); err != nil || v != 1 {
		t.Errorf("rollback to %d (%v), want 1", v, err)
	}
	var all []lab.Version
	s.call("GET", "/v1/models", nil, &all)
	stages := map[string]string{}
	for _, v := range all {
		stages[fmt.Sprintf("%s/%d", v.Model, v.Version)] = v.Stage
	}
	if stages["fraud/1"] != "production" || stages["fraud/2"] != "retired" || stages["fraud_baseline/1"] != "testing" {
		t.Errorf("stages %v", stages)
	}
}

// The Python template trains on the newest dataset and registers what it made; what it measures is what the lab measures.
func (s *site) python(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import psycopg, pyarrow, sklearn, boto3").Run()
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("python3 with psycopg, boto3, scikit-learn and pyarrow: %v", err)
		}
		t.Skip("needs python3 with psycopg, boto3, scikit-learn and pyarrow")
	}
	key, err := s.lab.DB().CreateAccessKey(t.Context(), "template", map[string]string{"datasets": "read", "models": "write"})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "../python/train.py")
	cmd.Env = append(os.Environ(), "HOWDAH_DB="+s.db, "HOWDAH_HTTP="+s.url, "HOWDAH_S3="+s.s3, "AWS_ACCESS_KEY_ID="+key.AccessKey, "AWS_SECRET_ACCESS_KEY="+key.SecretKey)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got struct {
		Model           string
		Version, Rows   int
		AUC, Registered float64
	}
	var raw map[string]any
	if err := json.Unmarshal(out, &raw); err != nil {
		t.Fatalf("%s", out)
	}
	t.Logf("%s", out)
	_ = json.Unmarshal(out, &got)
	if raw["auc"] != raw["registered_auc"] || got.AUC < 0.75 || got.Rows < 10_000 || got.Model != "fraud_gbt" {
		t.Errorf("the template says %s", out)
	}
	// Without S3 it reads and writes through SQL, and makes the same model.
	again := exec.Command(python, "../python/train.py")
	again.Env = append(os.Environ(), "HOWDAH_DB="+s.db, "HOWDAH_HTTP="+s.url)
	second, err := again.Output()
	var other map[string]any
	if err != nil || json.Unmarshal(second, &other) != nil || other["auc"] != raw["auc"] || other["version"] != 2.0 {
		t.Errorf("through SQL: %s (%v)", second, err)
	}
	if code := s.call("POST", "/v1/models/fraud_gbt/versions", lab.ExternalVersion{Dataset: 1, TestScores: map[string]float64{"T1": 1}}, nil); code != 400 {
		t.Errorf("scores of other rows: status %d", code)
	}
}

var snippet = regexp.MustCompile("(?ms)^```(sql|python)\n(.*?)^```")

// What the tutorial tells students to run works, and finds something.
func (s *site) tutorial(t *testing.T) {
	text, err := os.ReadFile("../../docs/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	python, pythonErr := exec.LookPath("python3")
	n := 0
	for _, m := range snippet.FindAllStringSubmatch(string(text), -1) {
		n++
		if m[1] == "python" {
			if pythonErr != nil {
				continue
			}
			cmd := exec.Command(python, "-c", m[2])
			cmd.Env = append(os.Environ(), "HOWDAH_DB="+s.db)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s\n%v\n%s", m[2], err, out)
			}
			continue
		}
		for _, sql := range strings.Split(m[2], ";\n") {
			if strings.TrimSpace(sql) == "" {
				continue
			}
			// As psql runs it: one simple query, by itself.
			tag, err := s.lab.DB().Pool().Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
			if err != nil {
				t.Errorf("%s\n%v", sql, err)
			} else if tag.RowsAffected() == 0 && !strings.HasPrefix(sql, "create") && !strings.Contains(sql, "create table") {
				t.Errorf("%s\nfinds nothing", sql)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d snippets in the tutorial", n)
	}
	var total int64
	if err := s.lab.DB().Pool().QueryRow(t.Context(), "select sum(n) from my_totals").Scan(&total); err != nil || total != 1000 {
		t.Errorf("the consumer of the tutorial has counted %d, want 1000 (%v)", total, err)
	}
}
