package s3

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"

	"github.com/howdah/howdah"
)

// The SDK's structs have a field for each algorithm: ChecksumCRC32 and so on.
var algorithms = []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"}

// given finds the checksum that a client has sent in one of those fields of a struct.
func given(in any) (algorithm, sum string) {
	v := reflect.Indirect(reflect.ValueOf(in))
	for _, a := range algorithms {
		if f := v.FieldByName("Checksum" + a); f.IsValid() && !f.IsNil() && f.Elem().String() != "" {
			return a, f.Elem().String()
		}
	}
	return "", ""
}

// answer puts a checksum into the field of its algorithm, and its type where there is a field for that.
func answer(out any, c *howdah.Checksum) {
	if c == nil || c.Value == "" {
		return
	}
	v := reflect.ValueOf(out).Elem()
	if f := v.FieldByName("Checksum" + c.Algorithm); f.IsValid() {
		f.Set(reflect.ValueOf(pointer(c.Value)))
	}
	switch f := v.FieldByName("ChecksumType"); {
	case !f.IsValid() || c.Type == "":
	case f.Kind() == reflect.Pointer:
		f.Set(reflect.ValueOf(pointer(types.ChecksumType(c.Type))))
	default:
		f.SetString(c.Type)
	}
}

// window is how much of a body is read at once, at least: the library's readers of chunked bodies look for the heads of
// chunks in the buffer that they are given, and fail where it is smaller than a head.
const window = 64 << 10

// buffered reads a body in windows. done gives the buffer back.
func (s *store) buffered(body io.Reader) (r *bufio.Reader, done func()) {
	r, ok := s.windows.Get().(*bufio.Reader)
	if !ok {
		r = bufio.NewReaderSize(nil, window)
	}
	r.Reset(body)
	return r, func() {
		r.Reset(nil)
		s.windows.Put(r)
	}
}

// summed reads a body and knows its checksum afterwards. A checksum that is not the announced one is the body's error.
type summed struct {
	io.Reader
	algorithm string
	sum       func() string
}

// sums looks where the checksum of a body comes from: its trailer, a header, or an algorithm that the client only names.
func sums(body io.Reader, in any, algorithm string) (summed, error) {
	if trailer, ok := body.(middlewares.ChecksumReader); ok && trailer.Algorithm() != "" {
		return summed{body, strings.ToUpper(trailer.Algorithm()), trailer.Checksum}, nil
	}
	name, want := given(in)
	if name == "" {
		name = strings.ToUpper(algorithm)
	}
	if name == "" {
		return summed{Reader: body, sum: func() string { return "" }}, nil
	}
	r, err := utils.NewHashReader(body, want, utils.HashType(strings.ToLower(name)))
	if err != nil {
		return summed{}, s3err.GetAPIError(s3err.ErrInvalidChecksumAlgorithm)
	}
	return summed{r, name, r.Sum}, nil
}

// checksum is what is kept with the object; nil where the client did not ask for any.
func (s summed) checksum() *howdah.Checksum {
	if s.algorithm == "" {
		return nil
	}
	return &howdah.Checksum{Algorithm: s.algorithm, Type: string(types.ChecksumTypeFullObject), Value: s.sum()}
}

// combine makes the checksum of an object of those of its parts.
func combine(begun *howdah.Checksum, parts []howdah.Part) (*howdah.Checksum, error) {
	c := *begun
	algorithm := types.ChecksumAlgorithm(c.Algorithm)
	if c.Type != string(types.ChecksumTypeComposite) {
		for i, p := range parts {
			if p.Checksum == nil {
				return nil, s3err.GetAPIError(s3err.ErrInvalidPart)
			}
			if i == 0 {
				c.Value = p.Checksum.Value
				continue
			}
			var err error
			if c.Value, err = utils.AddCRCChecksum(algorithm, c.Value, p.Checksum.Value, p.Size); err != nil {
				return nil, fmt.Errorf("combine checksums: %w", err)
			}
		}
		return &c, nil
	}
	r, err := utils.NewCompositeChecksumReader(utils.HashType(strings.ToLower(c.Algorithm)))
	if err != nil {
		return nil, s3err.GetAPIError(s3err.ErrInvalidChecksumAlgorithm)
	}
	for _, p := range parts {
		if p.Checksum == nil {
			return nil, s3err.GetAPIError(s3err.ErrInvalidPart)
		}
		if err := r.Process(p.Checksum.Value); err != nil {
			return nil, fmt.Errorf("combine checksums: %w", err)
		}
	}
	c.Value = fmt.Sprintf("%s-%d", r.Sum(), len(parts))
	return &c, nil
}
